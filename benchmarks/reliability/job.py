"""A job of a trivial trainer, always run by the same command; what stays not as it was is counted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reliability.processes import MARK, Family, command_of, marked, wait_until
from hptune.backends.local.backend import LocalBackend
from hptune.errors import JobDirError
from hptune.results.study import JobState, Trial, TrialState
from hptune.runtimes.processes import kill_all

# As long as what a killed job leaves may take to end on a busy machine.
_PATIENCE_S = 20.0
# A trial that was cut off is described as cancelled, and runs again.
_ENDED = (TrialState.SUCCEEDED, TrialState.FAILED)
_LONGEST_S = 600.0
# With the error that it ends with, which stands at the begin of a line.
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:\s.*\n)*.*", re.MULTILINE)
TRAINER = """
import fcntl, os, subprocess, sys, time
args = dict(zip((name.removeprefix("--") for name in sys.argv[1::2]), sys.argv[2::2]))
trial, x = os.environ["CLOUD_ML_TRIAL_ID"], float(args["x"])
def note(name, text):
    with open(os.path.join(NOTES, name), "a") as file:
        file.write(text + "\\n")
with open(os.path.join(NOTES, "lock-" + trial), "w") as alone:
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note("twice-at-once", trial)
    note("starts", trial)
    # In a session of its own, for ever: what a trial's end has to reach.
    subprocess.Popen(["sleep", "86400"], start_new_session=True)
    print(f"step=1 accuracy={x / 2}", flush=True)
    time.sleep(0.15)
    print(f"step=2 accuracy={x}", flush=True)
"""
"""A trainer that notes its starts, leaves a process behind and prints its objective twice."""

_PARAMS = [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]


@dataclass
class Tally:
    """What went wrong, over many jobs.

    Attributes:
        lost: Trials that had finished and were gone, or others than they had been.
        doubled: Trials that ran again after they had finished, or twice at once.
        orphans: Processes that were left.
        tracebacks: Outputs with a traceback.
        unexpected: Endings that are not what is promised.
        jobs: How many jobs there were.
        failed_trials: Trials that failed because they were killed too often.
    """

    lost: int = 0
    doubled: int = 0
    orphans: int = 0
    tracebacks: int = 0
    unexpected: list[str] = field(default_factory=list)
    jobs: int = 0
    failed_trials: int = 0


class Job:
    """A job in a folder of its own.

    Attributes:
        root: Its directory.
        tally: Gets what goes wrong.
        command: Runs it, and takes it up.
        patience_s: How long what it leaves may take to end, in seconds.

    Args:
        folder: A new folder.
        tally: Gets what goes wrong.
        trials: How many there are to be.
        environment: Further variables.
        trainer: The trainer's module, which finds a folder for notes in NOTES.
        requirements: What its package asks for.
    """

    def __init__(
        self,
        folder: Path,
        tally: Tally,
        *,
        trials: int,
        environment: Mapping[str, str] | None = None,
        trainer: str = TRAINER,
        requirements: tuple[str, ...] = (),
    ) -> None:
        self.tally = tally
        self.patience_s = _PATIENCE_S
        self._trials = trials
        self._mark = str(folder)
        self._notes = folder / "notes"
        self._output = folder / "output.txt"
        self.root = folder / "job"
        self._environment = {**os.environ, **(environment or {}), MARK: self._mark}
        self._known: dict[int, Trial] = {}
        self._starts: Counter[int] = Counter()
        package = folder / "trainer"
        for each in (package, self._notes):
            each.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "task.py").write_text(f"NOTES = {str(self._notes)!r}\n{trainer}")
        if requirements:
            asked = f"install_requires={list(requirements)}"
            text = f"from setuptools import setup\nsetup(name='trainer', {asked})\n"
            (folder / "setup.py").write_text(text)
        tuning = {"hyperparameterMetricTag": "accuracy", "algorithm": "RANDOM_SEARCH", "params": _PARAMS}
        # Failures that the kills cause must not end the job.
        bounds = {"maxTrials": trials, "maxParallelTrials": 2, "maxFailedTrials": trials}
        (folder / "hptune.yaml").write_text(json.dumps({"hyperparameters": {**tuning, **bounds}}))
        flags = {"config": folder / "hptune.yaml", "package-path": package, "module-name": "trainer.task"}
        options = [f"--{name}={value}" for name, value in {**flags, "job-dir": self.root}.items()]
        self.command = [str(Path(sys.executable).with_name("hptune")), "run", "job", *options]

    def take_stock(self) -> None:
        """Takes note of the trials that have finished, whatever they were before."""
        self._known, self._starts = self._finished(), self._counted_starts()

    def start(self) -> subprocess.Popen[bytes]:
        """Runs the command, or runs it again."""
        with self._output.open("ab") as output:
            return subprocess.Popen(
                self.command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    def note(self, name: str) -> str:
        """Returns what its trainers have noted under a name; empty for nothing."""
        path = self._notes / name
        return path.read_text() if path.exists() else ""

    def family(self, hptune: int) -> Family:
        """Returns its processes as they now are."""
        return Family(marked(self._mark), hptune)

    def look(self) -> None:
        """Counts what is no longer as it was when it was last looked at, and takes note of what is new."""
        now, starts = self._finished(), self._counted_starts()
        self.tally.lost += sum(now.get(number) != trial for number, trial in self._known.items())
        self.tally.doubled += sum(starts[number] != self._starts[number] for number in self._known)
        self._known, self._starts = now, starts

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Waits for the job's end, and counts what is not as it is promised."""
        tally = self.tally
        tally.jobs += 1
        try:
            code = process.wait(_LONGEST_S)
        except subprocess.TimeoutExpired:
            tally.unexpected.append(f"still runs after {_LONGEST_S} s")
            process.kill()
            code = process.wait()
        self.look()
        if code:
            tally.unexpected.append(f"exit code {code}: {self._last_line()}")
        elif LocalBackend(self.root).describe().state is not JobState.SUCCEEDED:
            tally.unexpected.append("ended well, but is not described so")
        if not code and sorted(self._known) != [*range(1, self._trials + 1)]:
            tally.unexpected.append(f"has the trials {sorted(self._known)}")
        finals = {number: trial.final for number, trial in self._known.items()}
        tally.failed_trials += sum(final is None for final in finals.values())
        measured = {number: final.value for number, final in finals.items() if final}
        tally.lost += sum(self._known[number].parameters["x"] != value for number, value in measured.items())
        tally.doubled += len(self.note("twice-at-once").split())
        wait_until(lambda: not marked(self._mark), self.patience_s)
        for left in marked(self._mark):
            tally.orphans += 1
            print(f"{self.root}: left running: {command_of(left)} {left}", file=sys.stderr)
        kill_all(lambda: marked(self._mark))
        self._count_tracebacks()

    def _count_tracebacks(self) -> None:
        logs = [self.root / "hptune" / "shared.log", *self.root.glob("hptune/trials/*/log.txt")]
        for log in (self._output, *filter(Path.is_file, logs)):
            text = log.read_text(errors="replace")
            for found in _TRACEBACK.finditer(text):
                self.tally.tracebacks += 1
                print(f"{log}:\n{found[0]}", file=sys.stderr)

    def _finished(self) -> dict[int, Trial]:
        try:
            trials = LocalBackend(self.root).describe().study.trials
        except JobDirError:
            # It was killed before it was on record.
            if self._known:
                raise
            return {}
        return {trial.id: trial for trial in trials if trial.state in _ENDED}

    def _counted_starts(self) -> Counter[int]:
        return Counter(map(int, self.note("starts").split()))

    def _last_line(self) -> str:
        return (self._output.read_text(errors="replace").splitlines() or [""])[-1]
