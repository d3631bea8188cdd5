"""Times the example's whole job beside KerasTuner and Optuna with Keras: seconds to 98.2 % on MNIST.

    python -m benchmarks.job MNIST.npz [--seeds 3] [--target 0.982] [--contenders NAME ...]

The original protocol: 60,000 images to train on, accuracy on the 10,000 test images, at most ten trials in
the job file's space. Each job is a command of its own, from its start to the end of the first trial that has
the accuracy; then it is stopped. The peers are written as their users write them, one process and `fit` with
NumPy arrays, but measure at the end of a trial alone. docs/benchmarks.md says what they need.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page import write_section
from hptune.backends.find import find_here
from hptune.errors import HptuneError

ROOT = Path(__file__).resolve().parents[1]
TRAINER = ROOT / "examples" / "mnist" / "trainer"
_POLL_S = 0.2


@dataclass(frozen=True)
class Contender:
    """One way to run the job.

    Attributes:
        command: (data, folder, seed) -> the command that runs it.
        accuracies: Folder -> the accuracies of the trials that have ended, 0..1.
    """

    command: Callable[[Path, Path, int], list[str]]
    accuracies: Callable[[Path], list[float]]


def hptune_command(data: Path, folder: Path, seed: int) -> list[str]:
    """Returns the job as a user of hptune starts it."""
    job = ["hptune", "run", "mnist", "--config", str(TRAINER / "hptune.yaml"), "--seed", str(seed)]
    trainer = ["--package-path", str(TRAINER), "--module-name", "trainer.mnist_mlp_lr_numsteps"]
    where = ["--job-dir", str(folder / "job"), "--", "--train-file", str(data)]
    return [sys.executable, "-m", *job, *trainer, *where]


def hptune_accuracies(folder: Path) -> list[float]:
    """Reads the job's study."""
    try:
        study = find_here(folder / "job").describe().study
    except HptuneError:  # It has not begun.
        return []
    return [trial.final.value for trial in study.finished if trial.final]


def peer(name: str, policy: str) -> Contender:
    """Makes a job of `benchmarks.peer_jobs`."""

    def command(data: Path, folder: Path, seed: int) -> list[str]:
        module = [sys.executable, "-m", "benchmarks.peer_jobs", name, str(data), str(folder)]
        return [*module, "--seed", str(seed), "--policy", policy]

    return Contender(command, peer_accuracies)


def peer_accuracies(folder: Path) -> list[float]:
    """Reads what a peer has written, a line a trial."""
    file = folder / "accuracies"
    return [float(line) for line in file.read_text(encoding="ascii").split()] if file.exists() else []


OURS = "hptune"
CONTENDERS = {
    OURS: Contender(hptune_command, hptune_accuracies),
    "KerasTuner": peer("keras-tuner", "float32"),
    "Optuna": peer("optuna", "float32"),
    "KerasTuner, mixed_bfloat16": peer("keras-tuner", "mixed_bfloat16"),
    "Optuna, mixed_bfloat16": peer("optuna", "mixed_bfloat16"),
}


@dataclass(frozen=True)
class Run:
    """What a job took.

    Attributes:
        wall_s: Seconds to the target, or to the job's end where it did not reach it.
        trials: How many trials had ended by then.
        best: The best accuracy by then, 0..1.
        reached: Whether that is the target.
    """

    wall_s: float
    trials: int
    best: float
    reached: bool


def run(contender: Contender, data: Path, seed: int, target: float) -> Run:
    """Runs a job until one of its trials has the target.

    Raises:
        RuntimeError: The job failed.
    """
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("w+b") as log:
        folder, start = Path(name), time.monotonic()
        process = subprocess.Popen(
            contender.command(data, folder, seed), cwd=ROOT, env=os.environ, stdout=log, stderr=log
        )
        while process.poll() is None and max(contender.accuracies(folder), default=0.0) < target:
            time.sleep(_POLL_S)
        wall_s = time.monotonic() - start
        accuracies = contender.accuracies(folder)
        process.terminate()
        process.wait()
        best = max(accuracies, default=0.0)
        if best < target and process.returncode:
            log.seek(0)
            raise RuntimeError(f"the job failed:\n{log.read().decode(errors='replace')[-3000:]}")
    return Run(wall_s, len(accuracies), best, best >= target)


def table(runs: dict[str, list[Run]]) -> list[str]:
    """Returns the jobs in Markdown; ratios are medians over the seeds, with the lowest and the highest."""
    lines = [
        "| job | seconds to the target, median | each seed | trials | times as long as hptune |",
        "|---|---|---|---|---|",
    ]
    for name, each in runs.items():
        seconds = [run.wall_s for run in each]
        ratios = [run.wall_s / own.wall_s for run, own in zip(each, runs.get(OURS, each), strict=True)]
        cells = [
            name,
            f"{statistics.median(seconds):.0f}",
            ", ".join(f"{run.wall_s:.0f}" + ("" if run.reached else " (not reached)") for run in each),
            ", ".join(str(run.trials) for run in each),
            f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="MNIST as npz")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--target", type=float, default=0.982)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    args = parser.parse_args(argv)
    runs: dict[str, list[Run]] = {name: [] for name in args.contenders}
    for seed in range(args.seeds):
        for name, each in runs.items():
            each.append(run(CONTENDERS[name], args.data.resolve(), seed, args.target))
            print(f"seed {seed}, {name}: {each[-1]}", flush=True)
    lines = table(runs)
    write_section("job", "\n".join([f"Target {args.target:.1%}, {args.seeds} seeds.", "", *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
