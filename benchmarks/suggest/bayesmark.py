"""Scores samplers by bayesmark, a benchmark that others wrote: its tasks and its own score.

    .venv-bayesmark/bin/python -m benchmarks.suggest.bayesmark [--repeats 3] [--searchers NAME,...]

A task is a kind of scikit-learn model on a data set by a metric, 108 in all; a search has 20 trials, each a
cross-validation. Searches made before, kept in benchmarks/results/bayesmark.jsonl, are not made again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import sys
import time
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import write_section
from benchmarks.suggest import study
from benchmarks.suggest.searchers import BASELINE, OURS, SEARCHERS
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Double, Integer, Parameter, SearchSpace, Value

RESULTS = Path(__file__).resolve().parents[1] / "results" / "bayesmark.jsonl"
TRIALS = 20
SHOWN = (
    OURS,
    BASELINE,
    "HEBO",
    "Optuna TPE",
    "Optuna GP",
    "Optuna GP (4 start-up)",
    "scikit-optimize (as in Katib)",
)
_MARKS = (10, 20)
# logit is no scale of a job file's, nor of most peers': all search it linearly.
_SCALES = {"linear": Scale.LINEAR, "log": Scale.LOG, "logit": Scale.LINEAR}
_BOOLS = ("false", "true")
_SEARCHES_PER_PROCESS = 50
# What a trial that failed counts for a sampler that knows no failures: a little worse than the worst so far.
_WORSE = 1.0
# bayesmark finds the searches that its score starts from by the begin of this name.
_BASELINE_METHOD = "RandomSearch_random"

Task = tuple[str, str, str]
"""Model, data set and metric."""


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        task: Model, data set and metric, joined by spaces.
        searcher: The searcher's name.
        repeat: The seed.
        version: The searcher's version.
        losses: What bayesmark lets a searcher see of each trial; infinite where it failed.
    """

    task: str
    searcher: str
    repeat: int
    version: str
    losses: tuple[float, ...]

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What must be the same for a search not to be made again."""
        return self.task, self.searcher, self.repeat, self.version


def tasks() -> list[Task]:
    """Returns all of bayesmark's tasks of scikit-learn."""
    from bayesmark import constants, data

    return [
        (model, name, metric)
        for name, (_, kind) in data.DATA_LOADERS.items()
        for model, metric in itertools.product(constants.MODEL_NAMES, data.METRICS_LOOKUP[kind])
    ]


def space_of(config: Mapping[str, Mapping[str, Any]]) -> SearchSpace:
    """Returns bayesmark's search space as a job file would have it."""
    return SearchSpace(tuple(_parameter(name, each) for name, each in config.items()))


def _parameter(name: str, config: Mapping[str, Any]) -> Parameter:
    if config["type"] == "bool":
        return Categorical(name, _BOOLS)
    low, high = config["range"]
    kind = Integer if config["type"] == "int" else Double
    return kind(name, low, high, _SCALES[config["space"]])


def _native(value: Value) -> Value | bool:
    return value == _BOOLS[1] if value in _BOOLS else value


class Optimizer:
    """One of our searchers as bayesmark asks for it: it minimises.

    Attributes:
        error: Why it could not suggest; None where it could.
    """

    def __init__(self, config: Mapping[str, Mapping[str, Any]], searcher: str, seed: int) -> None:
        self._searcher = SEARCHERS[searcher](space_of(config), seed)
        self._values: dict[str, Value] = {}
        self._worst = 0.0
        self.error: Exception | None = None

    def suggest(self, count: int) -> list[dict[str, Value | bool]]:
        """Suggests what to try next; bayesmark asks for one at a time."""
        del count
        try:
            self._values = self._searcher.suggest()
        except Exception as error:
            # bayesmark goes on with a guess of its own.
            self.error = error
            raise
        return [{name: _native(value) for name, value in self._values.items()}]

    def observe(self, points: object, losses: Sequence[float]) -> None:
        """Takes in what came of it."""
        del points
        (loss,) = losses
        if math.isfinite(loss):
            self._worst = max(self._worst, loss)
        else:
            loss = self._worst + _WORSE
        self._searcher.observe(self._values, -loss)


def search(task: Task, searcher: str, repeat: int) -> Search:
    """Makes one search.

    Raises:
        ValueError: bayesmark had to make a suggestion of its own, for the searcher failed.
    """
    from bayesmark import experiment, sklearn_funcs

    warnings.simplefilter("ignore")
    # Models draw from the global generator.
    np.random.seed([zlib.crc32(" ".join(task).encode()), repeat])
    problem = sklearn_funcs.SklearnModel(*task)
    optimizer = Optimizer(problem.get_api_config(), searcher, repeat)
    losses, _, _ = experiment.run_study(optimizer, problem, TRIALS, 1, len(problem.objective_names))
    if optimizer.error:
        raise ValueError(f"{searcher}, {' '.join(task)}, {repeat}") from optimizer.error
    seen = tuple(float(f"{loss:.7g}") for loss in losses[:, 0, 0])
    return Search(" ".join(task), searcher, repeat, study.version_of(searcher), seen)


def scores(searches: Iterable[Search]) -> dict[str, dict[int, tuple[float, float]]]:
    """Returns bayesmark's score of each searcher after so many trials, and its standard error over the tasks.

    It is 100 for the best that any of them has found, and 0 for the median of random guesses.
    """
    import xarray
    from bayesmark import constants, experiment_analysis, experiment_baseline

    found = {(each.task, each.searcher, each.repeat): each.losses for each in searches}
    names, searchers, repeats = (list(dict.fromkeys(column)) for column in zip(*found, strict=True))
    methods = [_BASELINE_METHOD if name == BASELINE else name for name in searchers]
    losses = np.array([[[found[t, s, r] for r in repeats] for s in searchers] for t in names])
    dims = (constants.ITER, constants.SUGGEST, constants.TEST_CASE, constants.METHOD, constants.TRIAL)
    coords = dict(zip(dims, (range(TRIALS), [0], names, methods, repeats), strict=True))
    # (tasks, searchers, repeats, trials) as bayesmark orders it.
    measured = xarray.DataArray(np.moveaxis(losses, -1, 0)[:, None], coords, dims)
    by_task, summary = experiment_analysis.compute_aggregates(
        measured, experiment_baseline.compute_baseline(measured)
    )
    each = by_task[constants.NORMED_MEAN].std(dim=constants.TEST_CASE, ddof=1) / math.sqrt(len(names))
    mean = summary[constants.PERF_MEAN]

    def at(trials: int, method: str) -> tuple[float, float]:
        place = {constants.ITER: trials - 1, constants.METHOD: method}
        return 100 * (1 - float(mean.sel(place))), 100 * float(each.sel(place))

    return {
        name: {mark: at(mark, method) for mark in _MARKS}
        for name, method in zip(searchers, methods, strict=True)
    }


def _load() -> list[Search]:
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    return [Search(**{**content, "losses": tuple(content["losses"])}) for content in map(json.loads, lines)]


def _make(todo: Sequence[tuple[Task, str, int]], workers: int) -> Iterator[Search]:
    """Makes searches, and appends each to the file as it ends."""
    with RESULTS.open("a", encoding="utf-8") as file:
        for made in study.in_processes(_searched, todo, workers, _SEARCHES_PER_PROCESS):
            file.write(json.dumps(asdict(made)) + "\n")
            file.flush()
            yield made


def _searched(arguments: tuple[Task, str, int]) -> Search:
    return search(*arguments)


def table(searches: Sequence[Search]) -> str:
    """Makes the table, best first."""
    repeats = 1 + max(each.repeat for each in searches)
    found = scores(searches)
    lines = [
        f"{len({each.task for each in searches})} tasks, {repeats} search{'es' * (repeats > 1)} of each by "
        "each sampler; the mean score and its standard error over the tasks:",
        "",
        f"| sampler | {' | '.join(f'{mark} trials' for mark in _MARKS)} |",
        f"|---|{'---|' * len(_MARKS)}",
    ]
    for name, marks in sorted(found.items(), key=lambda item: -item[1][_MARKS[-1]][0]):
        lines.append(
            f"| {name} | {' | '.join(f'{mean:.1f} ± {error:.1f}' for mean, error in marks.values())} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--searchers", default=",".join(SHOWN), help="comma-separated")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--only-print", action="store_true", help="leave docs/benchmarks.md as it is")
    asked = parser.parse_args()
    searchers, searches = asked.searchers.split(","), {each.key: each for each in _load()}
    wanted = [
        (task, searcher, repeat)
        for repeat in range(asked.repeats)
        for task in tasks()
        for searcher in searchers
    ]

    def key(task: Task, searcher: str, repeat: int) -> tuple[str, str, int, str]:
        return " ".join(task), searcher, repeat, study.version_of(searcher)

    todo, start = [each for each in wanted if key(*each) not in searches], time.monotonic()
    for count, made in enumerate(_make(todo, asked.workers), 1):
        searches[made.key] = made
        line = f"\r{count}/{len(todo)}, {time.monotonic() - start:.0f} s: {made.task}, {made.searcher}"
        print(line.ljust(90), end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    text = table([searches[key(*each)] for each in wanted])
    print(text)
    if not asked.only_print:
        write_section("bayesmark", text)


if __name__ == "__main__":
    main()
