"""Runs the example's job with several samplers and seeds on real MNIST, with the real trainer.

    python -m benchmarks.mnist_jobs MNIST.npz [--seeds 5] [--workers 2]

The original protocol: 60,000 images to train on, accuracy on the 10,000 test images. Every training is kept
in benchmarks/results/mnist_jobs.jsonl and not done again, so a run cut off goes on; and where two samplers
ask for the same parameters, as Optuna's TPE and random search do in their first ten trials, they share it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler

from benchmarks.mnist_reference import train
from benchmarks.page import write_section
from hptune.job.tuning_job import load_job
from hptune.results.study import Goal
from hptune.search.bandit import GPBanditSampler
from hptune.search.encoding import distributions

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
    """Trains, or remembers; several threads may ask, and wait where another has asked for the same."""

    def __init__(self, train: Callable[[float, int], float], results: Path) -> None:
        """Reads what is kept.

        Args:
            train: lr and steps -> test accuracy, 0..1.
            results: Where trainings are kept.
        """
        self._train = train
        self._results = results
        self._accuracies: dict[tuple[float, int], Future[float]] = {}
        self._lock = threading.Lock()
        if results.exists():
            for line in results.read_text(encoding="utf-8").splitlines():
                training = Training(**json.loads(line))
                known = self._accuracies[training.lr, training.steps] = Future()
                known.set_result(training.accuracy)

    def accuracy(self, lr: float, steps: int) -> float:
        """Returns the test accuracy, 0..1."""
        with self._lock:
            asked_before = (lr, steps) in self._accuracies
            accuracy = self._accuracies.setdefault((lr, steps), Future())
        if not asked_before:
            try:
                accuracy.set_result(self._train_and_keep(lr, steps))
            except BaseException as error:  # whatever it is, those who wait must not wait for ever
                accuracy.set_exception(error)
        return accuracy.result()

    def _train_and_keep(self, lr: float, steps: int) -> float:
        training = Training(lr, steps, self._train(lr, steps))
        self._results.parent.mkdir(exist_ok=True)
        with self._lock, self._results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(training)) + "\n")
        print(f"lr {lr:.4g}, {steps} steps: {training.accuracy:.2%}", flush=True)
        return training.accuracy


def run_job(sampler: BaseSampler, trainer: Trainer) -> optuna.Study:
    """Runs one job."""
    direction = "maximize" if JOB.goal is Goal.MAXIMIZE else "minimize"
    study = optuna.create_study(direction=direction, sampler=sampler)
    spaces = distributions(JOB.space)
    for _ in range(JOB.max_trials):
        trial = study.ask(spaces)
        study.tell(trial, trainer.accuracy(trial.params["lr"], trial.params["num-steps"]))
    return study


def in_order(seeds: int) -> list[tuple[str, int]]:
    """Returns sampler and seed of each job; those that share all their trainings with others come last."""
    *training, sharing = SAMPLERS
    return [(name, seed) for names in (training, [sharing]) for seed in range(seeds) for name in names]


def table(studies: Mapping[str, Sequence[optuna.Study]]) -> list[str]:
    """Returns the jobs of each sampler, in Markdown, the best sampler first."""
    bests = {name: [study.best_value for study in jobs] for name, jobs in studies.items()}
    lines = [
        "| sampler | mean of the best accuracy | standard error | best of each seed | median of all trials |",
        "|---|---|---|---|---|",
    ]
    for name in sorted(studies, key=lambda name: -statistics.mean(bests[name])):
        each = bests[name]
        error = statistics.stdev(each) / math.sqrt(len(each)) if len(each) > 1 else math.nan
        median = statistics.median(trial.values[0] for study in studies[name] for trial in study.trials)
        seeds = ", ".join(f"{best:.2%}" for best in each)
        lines.append(f"| {name} | {statistics.mean(each):.3%} | {error:.3%} | {seeds} | {median:.2%} |")
    return lines


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
    trainer = Trainer(partial(train, args.data.resolve(), seed=0), RESULTS)
    studies: dict[str, list[optuna.Study]] = {name: [] for name in SAMPLERS}
    with ThreadPoolExecutor(args.workers) as pool:
        jobs = {
            (name, seed): pool.submit(run_job, SAMPLERS[name](seed), trainer)
            for name, seed in in_order(args.seeds)
        }
        for (name, seed), job in jobs.items():
            study = job.result()
            studies[name].append(study)
            print(f"seed {seed}, {name}: {study.best_value:.2%} with {study.best_params}", flush=True)
    lines = table(studies)
    write_section("mnist-jobs", "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
