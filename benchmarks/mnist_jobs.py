"""Runs the example's job with several samplers and seeds on real MNIST, with the real trainer.

    python -m benchmarks.mnist_jobs MNIST.npz [--seeds 5] [--workers 2]

The original protocol: 60,000 images to train on, accuracy on the 10,000 test images. Every training is kept
in benchmarks/results/mnist_jobs.jsonl and not done again, so a run cut off goes on; and where two samplers
ask for the same parameters, as Optuna's TPE and random search do in their first ten trials, they share it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler

from benchmarks.mnist_reference import train
from benchmarks.page import write_section
from hptune.job import load_job
from hptune.sampler import GPBanditSampler, distributions
from hptune.study import Goal

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "mnist_jobs.jsonl"
JOB = load_job(ROOT / "examples" / "mnist" / "trainer" / "hptune.yaml")

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "hptune": lambda seed: GPBanditSampler(seed=seed, space=JOB.space, max_trials=JOB.max_trials),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "Optuna TPE": lambda seed: optuna.samplers.TPESampler(seed=seed),
}

# Jobs run side by side, a core each: what a training does on one core, loading and saving, leaves none idle.
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@dataclass(frozen=True)
class Training:
    """One training of the example with its default seed.

    Attributes:
        lr: Learning rate.
        steps: Batches.
        accuracy: On the test images, 0..1.
    """

    lr: float
    steps: int
    accuracy: float


class Trainer:
    """Trains, or remembers; several threads may ask."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._known: dict[tuple[float, int], float] = {}
        self._writing = threading.Lock()
        if RESULTS.exists():
            for line in RESULTS.read_text(encoding="utf-8").splitlines():
                training = Training(**json.loads(line))
                self._known[training.lr, training.steps] = training.accuracy

    def accuracy(self, lr: float, steps: int) -> float:
        """Test accuracy, 0..1."""
        if (lr, steps) not in self._known:
            training = Training(lr, steps, train(self._data, lr, steps, seed=0))
            RESULTS.parent.mkdir(exist_ok=True)
            with self._writing, RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(training)) + "\n")
            self._known[lr, steps] = training.accuracy
            print(f"lr {lr:.4g}, {steps} steps: {training.accuracy:.2%}", flush=True)
        return self._known[lr, steps]


def best_of_job(sampler: BaseSampler, trainer: Trainer) -> optuna.trial.FrozenTrial:
    """The best trial of one job."""
    direction = "maximize" if JOB.goal is Goal.MAXIMIZE else "minimize"
    study = optuna.create_study(direction=direction, sampler=sampler)
    spaces = distributions(JOB.space)
    for _ in range(JOB.max_trials):
        trial = study.ask(spaces)
        study.tell(trial, trainer.accuracy(trial.params["lr"], trial.params["num-steps"]))
    return study.best_trial


def in_order(seeds: int) -> list[tuple[str, int]]:
    """Sampler and seed of each job; those that share all their trainings with others come last."""
    *training, sharing = SAMPLERS
    return [(name, seed) for names in (training, [sharing]) for seed in range(seeds) for name in names]


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="jobs at a time, a core each")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    os.environ.update(ONE_THREAD)
    trainer = Trainer(args.data.resolve())
    bests: dict[str, list[float]] = {name: [] for name in SAMPLERS}
    with ThreadPoolExecutor(args.workers) as pool:
        jobs = {
            (name, seed): pool.submit(best_of_job, SAMPLERS[name](seed), trainer)
            for name, seed in in_order(args.seeds)
        }
        for (name, seed), job in jobs.items():
            best = job.result()
            bests[name].append(best.value or 0.0)
            print(f"seed {seed}, {name}: {best.value:.2%} with {best.params}", flush=True)
    lines = ["| sampler | mean of the best accuracy | each seed |", "|---|---|---|"]
    for name, values in sorted(bests.items(), key=lambda item: -statistics.mean(item[1])):
        each = ", ".join(f"{value:.2%}" for value in values)
        lines.append(f"| {name} | {statistics.mean(values):.3%} | {each} |")
    write_section("mnist-jobs", "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
