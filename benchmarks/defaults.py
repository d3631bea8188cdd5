"""Trains with the parameters that a job of `make run` chose, and with what a user had without tuning.

    python -m benchmarks.defaults hptune-jobs/digits [--data digits] [--seeds 5]

Each training is the final one of `make run`: on all of the training part, measured on the test part.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mnist_reference import train
from benchmarks.page import write_section
from hptune.backends.find import find_here
from hptune.data.download import download
from hptune.data.split import preprocess
from hptune.results.study import Trial

# The example's job was submitted with `-- --num-steps 100 --lr 0.01`, which is what its trainer gets untuned.
UNTUNED = {"num-steps": 100, "lr": 0.01}


def row(name: str, parameters: dict[str, object], data: Path, batch_size: int, seeds: int) -> str:
    """Trains with each seed; returns the accuracies as a row of Markdown."""
    lr, steps = float(str(parameters["lr"])), int(str(parameters["num-steps"]))
    accuracies = [train(data, lr, steps, seed, batch_size) for seed in range(seeds)]
    each = ", ".join(f"{accuracy:.2%}" for accuracy in accuracies)
    mean, deviation = statistics.mean(accuracies), statistics.stdev(accuracies)
    return f"| {name} | {lr:.4g} | {steps} | {mean:.2%} ± {deviation:.2%} | {each} |"


def batch_size_of(user_args: Sequence[str]) -> int:
    """Returns what the job's trainer was told, or that trainer's default."""
    flag = "--batch-size"
    return int(user_args[user_args.index(flag) + 1]) if flag in user_args else 1024


def points(trials: tuple[Trial, ...], best: Trial) -> dict[str, dict[str, object]]:
    """Returns what to compare: the chosen parameters, the middle of the space, and those of no tuning."""
    return {
        f"chosen: trial {best.id}": dict(best.parameters),
        "trial 1, the middle of the space": dict(trials[0].parameters),
        "untuned, as the job was submitted": dict(UNTUNED),
    }


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job_dir", type=Path)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    job = find_here(args.job_dir)
    study, batch_size = job.describe().study, batch_size_of(job.recall().user_args)
    if study.best is None:
        parser.error(f"{args.job_dir}: no trial has an objective")
    lines = [
        "| parameters | lr | steps | test accuracy, mean and deviation | each seed |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        source, tune, final = (Path(folder) / f"{name}.npz" for name in ("data", "tune", "final"))
        download(args.data, source)
        preprocess(source, tune_file=tune, final_file=final)
        lines += [
            row(*point, final, batch_size, args.seeds) for point in points(study.trials, study.best).items()
        ]
    write_section("defaults", "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
