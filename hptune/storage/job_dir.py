"""The one owner of paths: every file under a job's directory is named here.

JOB_DIR/
    1/, 2/, ...              what each trial's trainer writes (its --job-dir)
    final/                   what the training with the best parameters writes
    results.json             ML Engine's trainingOutput
    report.html              the trials as plots
    hptune/job.json          what was submitted; a later run must ask for the same
    hptune/study.journal     the trials, as an Optuna journal; study.journal.copy has the same lines
    hptune/status.json       how the last run ended
    hptune/study.json        the job with all its trials, where it ran in a cluster
    hptune/lock              held by the process that runs the job
    hptune/tensorboard/1/    each trial's parameters and curve, for TensorBoard
    hptune/packages/         the trainer's packages, where the job brought archives
    hptune/data/             a copy of the trials' data, where a pipeline runs the job
    hptune/shared.log        what was printed by what trials share: imports, the processes that start them
    hptune/trials/1/, final/ a trial's document, log, measurements, outcome; in work/ what has a relative name
    hptune/trials/1/tasks/   the same of each task beside the trial's master, a directory a task
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from hptune.storage.atomic import replacing

_TAIL_BYTES = 64 * 1024
_TASKS = "tasks"


@dataclass(frozen=True)
class TrialDir:
    """Paths of one trial.

    Attributes:
        output: The trainer's own directory, its ``--job-dir``.
        state: What hptune keeps about the trial.
    """

    output: Path
    state: Path

    @property
    def document(self) -> Path:
        """The trial as the program that runs it is told of it."""
        return self.state / "trial.json"

    @property
    def log(self) -> Path:
        """What the trainer printed, all attempts after one another; of very much the last."""
        return self.state / "log.txt"

    @property
    def first_log(self) -> Path:
        """The start of a log that has grown too long."""
        return self.state / "log.first.txt"

    @property
    def former_log(self) -> Path:
        """What stood before `log` in a log that has grown too long."""
        return self.state / "log.before.txt"

    @property
    def metric_file(self) -> Path:
        """Where cloudml-hypertune reports."""
        return self.state / "hypertune" / "output.metrics"

    @property
    def measurements(self) -> Path:
        """The objective's measurements as they were seen, a JSON object a line."""
        return self.state / "measurements.jsonl"

    @property
    def summaries(self) -> Path:
        """Copies of the event files that the trainer writes to a bucket."""
        return self.state / "summaries"

    @property
    def work(self) -> Path:
        """The trainer's working directory, for what it writes by a relative name."""
        return self.state / "work"

    @property
    def trainer_pid(self) -> Path:
        """The trainer's process group while it runs."""
        return self.state / "trainer.pid"

    @property
    def trainer_pids(self) -> list[Path]:
        """The same of every task of the trial, as far as there are any."""
        return [each.trainer_pid for each in self.with_tasks if each.trainer_pid.exists()]

    @property
    def with_tasks(self) -> list[TrialDir]:
        """These paths, and those of the tasks beside the trial's master, as far as there are any."""
        return [self, *(self.of_task(path.name) for path in self.state.glob(f"{_TASKS}/*"))]

    def of_task(self, name: str) -> TrialDir:
        """Returns the paths of a task beside the trial's master: they share what the trainer writes."""
        return TrialDir(self.output, self.state / _TASKS / name)

    @property
    def command(self) -> Path:
        """The trainer's command line, where a later run needs to compare it."""
        return self.state / "command.json"

    @property
    def lock(self) -> Path:
        """Held by the process that runs this one training, where it belongs to no job of this machine."""
        return self.state / "lock"

    @property
    def outcome(self) -> Path:
        """How the trainer ended; there only once it has."""
        return self.state / "outcome.json"


@dataclass(frozen=True)
class JobDir:
    """Paths of one job."""

    root: Path

    @property
    def state(self) -> Path:
        """What hptune keeps about the job."""
        return self.root / "hptune"

    @property
    def job(self) -> Path:
        """What was submitted."""
        return self.state / "job.json"

    @property
    def journal(self) -> Path:
        """The Optuna journal."""
        return self.state / "study.journal"

    @property
    def journal_copy(self) -> Path:
        """The journal's lines once more, for what becomes of the journal."""
        return self.state / "study.journal.copy"

    @property
    def status(self) -> Path:
        """How the last run ended."""
        return self.state / "status.json"

    @property
    def study(self) -> Path:
        """A cluster's job with all its trials, as `hptune.results.status_file` has it."""
        return self.state / "study.json"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the job."""
        return self.state / "lock"

    @property
    def packages(self) -> Path:
        """Where the job's packages are installed."""
        return self.state / "packages"

    @property
    def data(self) -> Path:
        """Where a pipeline keeps the data that trials use."""
        return self.state / "data"

    @property
    def shared_log(self) -> Path:
        """What was printed by what trials share: imports, the processes that start them."""
        return self.state / "shared.log"

    @property
    def report(self) -> Path:
        """The trials as plots."""
        return self.root / "report.html"

    @property
    def results(self) -> Path:
        """ML Engine's ``trainingOutput``."""
        return self.root / "results.json"

    @property
    def final(self) -> TrialDir:
        """Paths of the training with the best trial's parameters."""
        return TrialDir(self.root / "final", self.state / "final")

    @property
    def trials(self) -> Path:
        """What hptune keeps about each trial, a directory a trial."""
        return self.state / "trials"

    def tensorboard(self, trial_id: int) -> Path:
        """Returns the directory of a trial's event file, which hptune writes when the trial has ended."""
        return self.state / "tensorboard" / str(trial_id)

    def trial(self, trial_id: int | str) -> TrialDir:
        """Returns the paths of one trial, whether it has run or not."""
        return TrialDir(self.root / str(trial_id), self.trials / str(trial_id))


def write_json(path: Path, content: object) -> None:
    """Writes a JSON file so that a reader sees the old content or the new, whatever dies meanwhile."""
    write_atomically(path, json.dumps(content, indent=2) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file so that a reader sees the old content or the new, whatever dies meanwhile."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def tail(path: Path, lines: int = 20) -> str:
    """Returns the last lines of a log, indented; where there are none, it says so."""
    if not path.is_file():
        return "    (no such file)"
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (empty)"
