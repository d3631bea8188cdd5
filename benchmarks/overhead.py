"""Measures what a trial costs beyond its training: hptune's warm and cold, and Optuna with a process a trial.

    .venv/bin/python -m benchmarks.overhead [--warm 30] [--cold 5] [--only-print]

The trainer imports TensorFlow and prints its objective, trial after trial. A trial's cost is the time from
the end of the one before to its own; the first, which waits for the imports in any case, is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import optuna

from benchmarks.page import write_section
from hptune.backends.local.backend import LocalBackend

TRAINER = """
import sys
import tensorflow as tf
print("accuracy=" + sys.argv[sys.argv.index("--x") + 1])
"""
_PARAMS = [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]


def of_hptune(trials: int, folder: Path, *options: str) -> list[float]:
    """Returns the seconds of each trial but the first of a job of the trainer."""
    subprocess.run(job_command(trials, folder, *options), cwd=folder, check=True, capture_output=True)
    return [after - before for before, after in pairwise(trial_ends(folder))]


def job_command(trials: int, folder: Path, *options: str) -> list[str]:
    """Writes a job file for the trainer ``task.py`` of a folder; returns the command that runs it there."""
    tuning = {"hyperparameterMetricTag": "accuracy", "algorithm": "RANDOM_SEARCH", "params": _PARAMS}
    job_file = folder / "hptune.yaml"
    job_file.write_text(json.dumps({"hyperparameters": {**tuning, "maxTrials": trials}}))
    flags = [f"--config={job_file}", "--module-name=task", f"--job-dir={folder / 'job'}", *options]
    return [sys.executable, "-m", "hptune", "run", "job", *flags]


def trial_ends(folder: Path) -> list[float]:
    """Returns when the trials of that job ended, in their order, in seconds since the epoch."""
    trials = LocalBackend(folder / "job").describe().study.trials
    return [trial.end_time.timestamp() for trial in trials if trial.end_time]


def of_optuna(trials: int, folder: Path) -> list[float]:
    """Returns the seconds of each trial but the first of a study whose objective is a process."""
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(folder / "journal"))
    )
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    ends: list[float] = []

    def objective(trial: optuna.Trial) -> float:
        command = [sys.executable, "task.py", "--x", str(trial.suggest_float("x", 0.0, 1.0))]
        run = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        return float(run.stdout.rpartition("accuracy=")[2])

    study.optimize(objective, trials, callbacks=[lambda *_: ends.append(time.monotonic())])
    return [after - before for before, after in pairwise(ends)]


def main() -> None:
    """Measures, prints the table, and writes it to docs/benchmarks.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--warm", type=int, default=30, help="trials of the warm job")
    parser.add_argument("--cold", type=int, default=5, help="trials of the others")
    parser.add_argument("--only-print", action="store_true", help="leave docs/benchmarks.md as it is")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    measured = {}
    for name in ("hptune, warm", "hptune --cold", "Optuna, a process a trial"):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "task.py").write_text(TRAINER)
            if name == "hptune, warm":
                measured[name] = of_hptune(asked.warm, folder)
            elif name == "hptune --cold":
                measured[name] = of_hptune(asked.cold, folder, "--cold")
            else:
                measured[name] = of_optuna(asked.cold, folder)
    text = table(measured)
    print(text)
    if not asked.only_print:
        write_section("overhead", text)


def table(measured: dict[str, Sequence[float]]) -> str:
    """Makes the table: medians, the fastest and the slowest, ratios to the first median."""
    base = statistics.median(next(iter(measured.values())))
    rows = [
        f"| {name} | {len(seconds)} | {statistics.median(seconds):.2f} s | {min(seconds):.2f} to "
        f"{max(seconds):.2f} s | {statistics.median(seconds) / base:.1f} |"
        for name, seconds in measured.items()
    ]
    head = "| | trials | median | all | ratio |\n|---|---|---|---|---|"
    return "\n".join([head, *rows]) + "\n"


if __name__ == "__main__":
    main()
