"""Times a suggestion of hptune and of scikit-optimize side by side, hptune's with up to 1,000 trials seen.

    python -m benchmarks.suggest.timing
    python -m benchmarks.suggest.timing --beside NAME

A suggestion is what a tuner waits for between a trial's end and the next one's begin: taking in the result,
fitting the model and choosing a point. Both run on one thread; medians over repetitions that take turns. With
--beside a searcher of another environment is timed instead, over whole searches, and nothing is written.
"""

from __future__ import annotations

import os

# Read when NumPy is loaded.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import statistics
import time
import warnings
from collections.abc import Iterator

import numpy as np
import optuna

from benchmarks.page import PICTURES, write_section
from benchmarks.suggest.searchers import OURS, SEARCHERS, OptunaSearcher, SkoptSearcher, hptune_searcher
from benchmarks.suggest.tasks import TASKS, TRIALS, Problem
from hptune.search.encoding import distributions

TASK_NAMES = ("mnist", "mixed5", "hartmann6")
COMPARED = (10, 100)
CURVE = (3, 10, 20, 50, 100, 200, 500, 1000)


def seen_by_hptune(problem: Problem, count: int, seed: int) -> OptunaSearcher:
    """Makes a searcher that has seen random trials, all but the last of ``count``."""
    searcher = hptune_searcher(problem.space, seed)
    spaces = distributions(problem.space)
    for values in problem.draws(count - 1, np.random.default_rng(seed)):
        trial = optuna.create_trial(params=values, distributions=spaces, value=problem.truth(values))
        searcher.study.add_trial(trial)
    return searcher


def seen_by_skopt(problem: Problem, count: int, seed: int) -> SkoptSearcher:
    """Makes the same of scikit-optimize."""
    searcher = SkoptSearcher(problem.space, seed, n_initial_points=min(10, count - 1))
    points = problem.draws(count - 1, np.random.default_rng(seed))
    searcher.take([(values, problem.truth(values)) for values in points])
    return searcher


def suggestion_s(searcher: OptunaSearcher | SkoptSearcher, problem: Problem) -> float:
    """Measures the seconds from a trial's end to the next suggestion."""
    values = searcher.suggest()
    objective = problem.truth(values)
    start = time.perf_counter()
    searcher.observe(values, objective)
    searcher.suggest()
    return time.perf_counter() - start


def compare(repetitions: int) -> Iterator[str]:
    """Returns rows in Markdown: median milliseconds of both and their ratio."""
    for name in TASK_NAMES:
        problem = TASKS[name](0)
        for count in COMPARED:
            ours, theirs = [], []
            for seed in range(repetitions):
                ours.append(suggestion_s(seen_by_hptune(problem, count, seed), problem))
                theirs.append(suggestion_s(seen_by_skopt(problem, count, seed), problem))
            ms, peer_ms = 1000 * statistics.median(ours), 1000 * statistics.median(theirs)
            yield f"| {name} | {count} | {ms:.0f} | {peer_ms:.0f} | {ms / peer_ms:.2f} |"


def search_s(name: str, problem: Problem) -> float:
    """Measures the seconds that all suggestions of a search take."""
    searcher, total = SEARCHERS[name](problem.space, 0), 0.0
    for _ in range(TRIALS):
        start = time.perf_counter()
        values = searcher.suggest()
        total += time.perf_counter() - start
        objective = problem.truth(values)
        start = time.perf_counter()
        searcher.observe(values, objective)
        total += time.perf_counter() - start
    return total


def beside(name: str) -> Iterator[str]:
    """Returns rows in Markdown: mean milliseconds of a suggestion of ours and of another, and their ratio."""
    for task in TASK_NAMES:
        problem = TASKS[task](0)
        search_s(OURS, problem)  # Loads what it needs.
        ours, theirs = (1000 * search_s(each, problem) / TRIALS for each in (OURS, name))
        yield f"| {task} | {name} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.3f} |"


def curve(repetitions: int) -> list[tuple[int, float]]:
    """Returns trials seen and the median seconds of a suggestion, over all tasks."""
    points = []
    for count in CURVE:
        times = [
            suggestion_s(seen_by_hptune(problem, count, seed), problem)
            for problem in (TASKS[name](0) for name in TASK_NAMES)
            for seed in range(repetitions)
        ]
        points.append((count, statistics.median(times)))
    return points


def draw(points: list[tuple[int, float]]) -> None:
    """Draws the curve, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "hptune"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    axes.plot(*zip(*points, strict=True), marker="o")
    axes.set(xlabel="trials seen", ylabel="seconds a suggestion", xscale="log", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.25)
    PICTURES.mkdir(exist_ok=True)
    figure.savefig(PICTURES / "suggest-time.svg", metadata={"Date": None})


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--beside", choices=sorted(SEARCHERS), metavar="NAME")
    asked = parser.parse_args()
    repetitions = asked.repetitions
    warnings.simplefilter("ignore")
    if asked.beside:
        print("| task | searcher | hptune, ms | its, ms | ratio |", "|---|---|---|---|---|", sep="\n")
        for line in beside(asked.beside):
            print(line, flush=True)
        return
    lines = ["| task | trials seen | hptune, ms | scikit-optimize, ms | ratio |", "|---|---|---|---|---|"]
    lines += compare(repetitions)
    points = curve(repetitions)
    draw(points)
    cells = " | ".join(f"{count:,}" for count, _ in points)
    seconds = " | ".join(f"{median:.3f}" for _, median in points)
    lines += ["", f"| trials seen | {cells} |", "|---" * (len(points) + 1) + "|", f"| seconds | {seconds} |"]
    lines += ["", "![seconds a suggestion](benchmarks/suggest-time.svg)", ""]
    print("\n".join(lines))
    write_section("suggest-time", "\n".join(lines))


if __name__ == "__main__":
    main()
