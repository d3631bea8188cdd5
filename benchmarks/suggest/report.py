"""Runs -> the tables and the picture of docs/benchmarks.md."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.suggest.searchers import BASELINE, OURS
from benchmarks.suggest.study import TRIALS, Run

BUDGETS = (10, 20, 50)
SIGNIFICANT = 0.05


class Curves:
    """Regrets of complete runs.

    Args:
        runs: Of several tasks, searchers and seeds.
        tasks: In the order to show.
        searchers: In the order to show; those with a run missing are left out.
        seeds: How many.
    """

    def __init__(
        self, runs: Sequence[Run], tasks: Sequence[str], searchers: Sequence[str], seeds: int
    ) -> None:
        of = {(run.task, run.searcher, run.seed): run.curve() for run in runs}
        self.tasks = list(tasks)
        self.seeds = seeds
        self.searchers = [
            searcher
            for searcher in searchers
            if all((task, searcher, seed) in of for task in tasks for seed in range(seeds))
        ]
        # (tasks, seeds, TRIALS) each.
        self._regret = {
            searcher: np.array([[of[task, searcher, seed] for seed in range(seeds)] for task in tasks])
            for searcher in self.searchers
        }

    def mean(self, searcher: str) -> np.ndarray:
        """Returns the mean over tasks and seeds after each trial, (TRIALS,)."""
        return self._regret[searcher].mean(axis=(0, 1))

    def error(self, searcher: str) -> np.ndarray:
        """Returns the standard error of the mean, the tasks taken as they are, (TRIALS,)."""
        spread = self._regret[searcher].std(axis=1, ddof=1) / np.sqrt(self.seeds)
        return np.asarray(np.sqrt((spread**2).sum(axis=0)) / len(self.tasks))

    def at(self, searcher: str, task: str, budget: int) -> np.ndarray:
        """Returns the regret of each seed, (seeds,)."""
        return np.asarray(self._regret[searcher][self.tasks.index(task), :, budget - 1])

    def worse_than_random(self, searcher: str, task: str, budget: int) -> float:
        """Returns the one-sided p that it is worse than random search.

        The test is Wilcoxon's signed-rank test over the seeds.
        """
        difference = self.at(searcher, task, budget) - self.at(BASELINE, task, budget)
        return float(stats.wilcoxon(difference, alternative="greater").pvalue) if difference.any() else 1.0


def complete_seeds(runs: Iterable[Run], tasks: Sequence[str], searcher: str) -> int:
    """Returns how many seeds, from the first on, a searcher has run on all tasks."""
    done = {(run.task, run.seed) for run in runs if run.searcher == searcher}
    return next(seed for seed in itertools.count() if not all((task, seed) in done for task in tasks))


def catching_up(curves: Curves, budget: int) -> Iterator[str]:
    """Says how many trials the others take for what ours finds in ``budget``, the fewest first."""
    level = curves.mean(OURS)[budget - 1]
    takes = {
        searcher: int(np.argmax(reached)) + 1 if (reached := curves.mean(searcher) <= level).any() else None
        for searcher in curves.searchers
        if searcher != OURS
    }
    for searcher, trials in sorted(takes.items(), key=lambda item: item[1] or TRIALS + 1):
        yield f"{searcher} {trials or f'more than {TRIALS}'}"


def summary(curves: Curves) -> Iterator[str]:
    """Writes the mean regret over all tasks in Markdown, least at 10 trials first."""
    yield "| sampler | " + " | ".join(f"{budget} trials" for budget in BUDGETS) + " |"
    yield "|---" * (len(BUDGETS) + 1) + "|"
    for searcher in sorted(curves.searchers, key=lambda name: curves.mean(name)[BUDGETS[0] - 1]):
        mean, error = curves.mean(searcher), curves.error(searcher)
        cells = [f"{mean[budget - 1]:.3f} ± {error[budget - 1]:.3f}" for budget in BUDGETS]
        yield f"| {searcher} | " + " | ".join(cells) + " |"


def by_task(curves: Curves) -> Iterator[str]:
    """Writes the mean regret of each task in Markdown: ours, random search, the best peer of each budget."""
    yield "| task | " + " | ".join(f"{b} trials: hptune, random, best peer" for b in BUDGETS) + " |"
    yield "|---" * (len(BUDGETS) + 1) + "|"
    peers = [searcher for searcher in curves.searchers if searcher not in (OURS, BASELINE)]
    for task in curves.tasks:
        cells = []
        for budget in BUDGETS:
            means = {searcher: curves.at(searcher, task, budget).mean() for searcher in curves.searchers}
            shown = f"{means[OURS]:.3f}, {means[BASELINE]:.3f}"
            if peers:
                best = min(peers, key=means.__getitem__)
                shown += f", {means[best]:.3f} ({best})"
            cells.append(shown)
        yield f"| {task} | " + " | ".join(cells) + " |"


def significantly_worse(curves: Curves) -> list[str]:
    """Says where ours is significantly worse than random search."""
    found = [
        (task, budget, curves.worse_than_random(OURS, task, budget))
        for task in curves.tasks
        for budget in BUDGETS
    ]
    return [f"{task} after {budget} trials (p = {p:.3f})" for task, budget, p in found if p < SIGNIFICANT]


def draw(curves: Curves, path: Path) -> None:
    """Draws mean regret against trials, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "hptune"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    trials = np.arange(1, TRIALS + 1)
    for searcher in curves.searchers:
        mean, error = curves.mean(searcher), curves.error(searcher)
        (line,) = axes.plot(trials, mean, label=searcher, linewidth=2.5 if searcher == OURS else 1.2)
        axes.fill_between(trials, mean - error, mean + error, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set(xlabel="trials", ylabel="mean normalised regret", yscale="log", xlim=(1, TRIALS))
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(fontsize="small")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
