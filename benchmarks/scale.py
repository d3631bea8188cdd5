"""Measures what a trial costs hptune itself as a job grows: CPU time, bytes written, memory; a suggestion.

    .venv/bin/python -m benchmarks.scale [--trials 10000] [--only-print]

The loop, the study on disk and the results are the real ones. What stands in for a trial is a function that
leaves the files of one that has ended, so that nothing but hptune's own work is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial

from benchmarks.page import write_section
from hptune.backends.local.loop import TuningLoop
from hptune.backends.local.results_file import ResultsFile
from hptune.backends.local.slots import Slot
from hptune.backends.local.store import create_or_open
from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import parse_job
from hptune.results.study import Measurement, Study, Trial
from hptune.search.bandit import GPBanditSampler
from hptune.search.encoding import distributions
from hptune.search.samplers import make_sampler
from hptune.storage.job_dir import JobDir
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TrialSpec

WINDOW = 100
MARKS = (100, 1000, 2000, 5000, 10000)
_MIB = 2**20
_PARAMS = [
    *(
        {
            "parameterName": f"x{i}",
            "type": "DOUBLE",
            "minValue": 1e-4,
            "maxValue": 1,
            "scaleType": "UNIT_LOG_SCALE",
        }
        for i in range(4)
    ),
    {"parameterName": "n", "type": "INTEGER", "minValue": 1, "maxValue": 1000},
]


class Ended:
    """Stands for the process of a trial that has ended well."""

    def __init__(self) -> None:
        # Can always be read from.
        self.ending: int | None = os.open(os.devnull, os.O_RDONLY)

    def poll(self) -> int:
        """Returns its exit code."""
        return 0

    def wait(self, timeout: float | None = None) -> int:
        """Returns its exit code."""
        del timeout
        return 0

    def send_signal(self, number: int) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Lets go of what says that it has ended."""
        if self.ending is not None:
            os.close(self.ending)


def end_at_once(spec: TrialSpec, slot: Slot, standard_input: int, log: IO[bytes], /) -> Ended:
    """Leaves what a trial leaves that printed its objective once."""
    del slot, standard_input, log
    objective = float(spec.parameters["x0"])
    spec.directory.measurements.write_text(json.dumps({"value": objective, "step": 1}) + "\n")
    Outcome(0, Measurement(objective, 1), "", time.time(), time.time(), source="STDOUT").save(
        spec.directory.outcome
    )
    return Ended()


@dataclass(frozen=True)
class Cost:
    """What the last trials cost hptune, each.

    Attributes:
        trials: How many there were by then.
        cpu_ms: CPU time, in milliseconds.
        written_kb: What was written, in kilobytes.
        memory_mib: The most memory that the process has had, in MiB.
    """

    trials: int
    cpu_ms: float
    written_kb: float
    memory_mib: float


def run(trials: int, root: Path) -> list[Cost]:
    """Runs a job of random search; returns what its trials cost at `MARKS`."""
    tuning = {"hyperparameterMetricTag": "accuracy", "algorithm": "RANDOM_SEARCH", "params": _PARAMS}
    job = parse_job(json.dumps({"hyperparameters": {**tuning, "maxTrials": trials}}), "job.yaml")
    submission = Submission("scale", job, Program("trainer"), (), str(root))
    directory = JobDir(root)
    directory.state.mkdir(parents=True)
    sampler = make_sampler(job.algorithm.value, job.space, seed=0)
    store = create_or_open(directory, "scale", job.metric, job.goal, trials, job.space, sampler)
    results, costs, ended = ResultsFile(directory.results), list[Cost](), 0
    before = (0.0, 0)

    def observe(study: Study, trial: Trial, /) -> None:
        nonlocal ended, before
        if not trial.state.finished:
            return
        results.update(study)
        ended += 1
        if ended + WINDOW in MARKS:
            before = (time.process_time(), _written_bytes())
        if ended in MARKS:
            cpu_s, written = time.process_time() - before[0], _written_bytes() - before[1]
            costs.append(Cost(ended, 1000 * cpu_s / WINDOW, written / WINDOW / 1000, _memory_mib()))

    TuningLoop(submission, store, distributions(job.space), trials, [Slot((0,))], end_at_once, observe).run()
    return costs


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def _memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MIB


def suggest(trials: int) -> tuple[float, float]:
    """Has the bandit suggest after so many trials; returns CPU seconds, and MiB in all."""
    space = parse_job(json.dumps({"hyperparameters": {"params": _PARAMS, "maxTrials": trials}}), "job").space
    search_space, rng = distributions(space), np.random.default_rng(0)

    def trial(number: int) -> FrozenTrial:
        values = {f"x{i}": float(10 ** rng.uniform(-4.0, 0.0)) for i in range(4)}
        objective = -sum(np.log10(value) ** 2 for value in values.values())
        params = {**values, "n": int(rng.integers(1, 1001))}
        made = create_trial(params=params, distributions=search_space, value=objective)
        made.number = number
        return made

    seen = [trial(number) for number in range(trials)]
    sampler = GPBanditSampler(seed=0, space=space)
    begin = time.process_time()
    sampler.suggest(seen, number=trials, direction=StudyDirection.MAXIMIZE, search_space=search_space)
    return time.process_time() - begin, _memory_mib()


def main() -> None:
    """Measures, prints the tables, and writes them to docs/benchmarks.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=MARKS[-1])
    parser.add_argument(
        "--suggest", type=int, help="measure one suggestion after so many trials, and no more"
    )
    parser.add_argument("--only-print", action="store_true", help="leave docs/benchmarks.md as it is")
    asked = parser.parse_args()
    if asked.suggest is not None:
        print(json.dumps(suggest(asked.suggest)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        costs = run(asked.trials, Path(temporary) / "job")
    suggestions = {mark: suggest_apart(mark) for mark in MARKS if mark <= asked.trials}
    text = _tables(costs, suggestions)
    print(text)
    if not asked.only_print:
        write_section("scale", text)


def suggest_apart(trials: int) -> tuple[float, float]:
    """Has the bandit suggest in a process of its own, on one thread. See `suggest`."""
    command = [sys.executable, "-m", "benchmarks.scale", "--suggest", str(trials)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    cpu_s, memory_mib = json.loads(output)
    return cpu_s, memory_mib


def _tables(costs: list[Cost], suggestions: dict[int, tuple[float, float]]) -> str:
    lines = [
        f"What hptune itself takes for a trial, the mean of the last {WINDOW} of so many:",
        "",
        "| trials | CPU | written | memory |",
        "|---|---|---|---|",
        *map(_row, costs),
        "",
        "A suggestion of the bandit after so many trials, five parameters, one thread, its imports included:",
        "",
        "| trials | CPU | memory |",
        "|---|---|---|",
        *(f"| {n:,} | {cpu_s:.2f} s | {memory:.0f} MiB |" for n, (cpu_s, memory) in suggestions.items()),
    ]
    return "\n".join(lines) + "\n"


def _row(cost: Cost) -> str:
    figures = f"{cost.cpu_ms:.1f} ms | {cost.written_kb:.0f} kB | {cost.memory_mib:.0f} MiB"
    return f"| {cost.trials:,} | {figures} |"


if __name__ == "__main__":
    main()
