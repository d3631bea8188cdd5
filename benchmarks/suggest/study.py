"""Runs the samplers over the tasks and keeps what each run found, so that a run cut off goes on."""

from __future__ import annotations

import ast
import hashlib
import json
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.suggest.searchers import PACKAGES, SEARCHERS
from benchmarks.suggest.tasks import TASKS, TRIALS, Problem
from hptune.storage.atomic import replacing

RESULTS = Path(__file__).resolve().parents[1] / "results" / "suggest.jsonl"

# Read when NumPy and JAX are loaded, so before the processes start.
_ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
# JAX keeps what it has compiled for each search: a third of a gigabyte of it.
_RUNS_PER_PROCESS = 8
_ROOT = Path(__file__).resolve().parents[2]
_MODULES = ("gp", "encoding.py", "bandit.py", "random.py", "scale.py", "space.py")
_OURS = tuple(f"hptune/search/{module}" for module in _MODULES)

A = TypeVar("A")
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """One search.

    Attributes:
        task: The task's name.
        searcher: The searcher's name.
        seed: The seed of both.
        version: The searcher's version.
        problem: Digest of the task's instance.
        regret: ``(n, r)`` for each trial that changed it: after n trials the regret is r, 0 at the optimum
            and 1 at what a single random guess gives. Of the best by what was measured, without the noise.
    """

    task: str
    searcher: str
    seed: int
    version: str
    problem: str
    regret: list[tuple[int, float]]

    @property
    def key(self) -> tuple[str, str, int, str, str]:
        """What must be the same for a run not to be made again."""
        return self.task, self.searcher, self.seed, self.version, self.problem

    def curve(self) -> np.ndarray:
        """Returns the regret after 1, 2, ... TRIALS trials, (TRIALS,)."""
        curve = np.empty(TRIALS)
        for trial, regret in self.regret:
            curve[trial - 1 :] = regret
        return curve


def installed_version(searcher: str) -> str:
    """Returns the version of a peer's package; empty where it is not installed."""
    try:
        return version(PACKAGES[searcher])
    except PackageNotFoundError:
        return ""


def _recorded_version(searcher: str) -> str:
    return next((run.version for run in reversed(load()) if run.searcher == searcher), "")


@cache
def version_of(searcher: str) -> str:
    """Returns a peer's version, installed or of its last run; of our sampler, a digest of its code.

    Empty where the peer is not installed and has not been run.
    """
    if searcher in PACKAGES:
        return installed_version(searcher) or _recorded_version(searcher)
    digest = hashlib.sha256()
    for place in _OURS:
        path = _ROOT / place
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(_code_alone(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:12]


def _code_alone(source: str) -> str:
    """Returns code without what changes no suggestion: comments, docstrings and the names of modules."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not _says_nothing(each)] or [ast.Pass()]
    return ast.unparse(tree)


def _says_nothing(statement: ast.stmt) -> bool:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, ast.Import | ast.ImportFrom)


def known() -> list[str]:
    """Searchers that are installed, or have been run where they were."""
    return [searcher for searcher in SEARCHERS if version_of(searcher)]


def can_run(searcher: str) -> bool:
    """Returns whether a searcher is ours, or installed."""
    return searcher not in PACKAGES or bool(installed_version(searcher))


@cache
def problem_of(task: str, seed: int) -> tuple[Problem, str, float]:
    """Returns a task's instance, its digest, and the objective of a typical guess."""
    problem = TASKS[task](seed)
    return problem, problem.digest(), problem.typical()


def search(task: str, searcher: str, seed: int) -> Run:
    """Makes one run."""
    warnings.simplefilter("ignore")
    problem, digest, typical = problem_of(task, seed)
    search = SEARCHERS[searcher](problem.space, seed)
    noise = np.random.default_rng([seed, 11])
    regret: list[tuple[int, float]] = []
    best = -np.inf
    for trial in range(1, TRIALS + 1):
        values = search.suggest()
        if not problem.space.contains(values):
            raise ValueError(f"{searcher} suggests {values}, which is outside of {task}")
        truth = problem.truth(values)
        measured = truth + problem.noise * noise.standard_normal()
        search.observe(values, measured)
        if measured > best:
            best = measured
            regret.append((trial, round((problem.best - truth) / (problem.best - typical), 5)))
    return Run(task, searcher, seed, version_of(searcher), digest, regret)


def load(path: Path = RESULTS) -> list[Run]:
    """Loads runs made before."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_decode(json.loads(line)) for line in lines]


def _decode(content: dict[str, Any]) -> Run:
    return Run(**{**content, "regret": [(trial, regret) for trial, regret in content["regret"]]})


def current(runs: Iterable[Run], tasks: Iterable[str], searchers: Iterable[str], seeds: int) -> list[Run]:
    """Returns the runs that are asked for and still hold, each once."""
    wanted = set(_keys(tasks, searchers, seeds))
    return list({run.key: run for run in runs if run.key in wanted}.values())


def missing(
    runs: Iterable[Run], tasks: Iterable[str], searchers: Iterable[str], seeds: int
) -> list[tuple[str, str, int]]:
    """Returns task, searcher and seed of the runs to make, seed after seed."""
    done = {run.key for run in runs}
    keys = _keys(tasks, filter(can_run, searchers), seeds)
    return [key[:3] for key in keys if key not in done]


def relabel(searcher: str, sample: int, workers: int, path: Path = RESULTS) -> int:
    """Gives the runs of our sampler's former code the version of the present code, which finds the same.

    Args:
        searcher: Our sampler; a peer's version is that of its package.
        sample: How many of the runs to make again, spread over tasks and seeds.
        workers: In how many processes.
        path: The file of the runs.

    Returns:
        How many runs have another version now.

    Raises:
        ValueError: A run that was made again found something else.
    """
    runs = load(path)
    former = [run for run in runs if run.searcher == searcher and run.version != version_of(searcher)]
    found = {(run.task, run.seed): (run.problem, run.regret) for run in former}
    todo = [(run.task, searcher, run.seed) for run in former[:: max(1, len(former) // sample)]]
    for run in _searched(todo, workers):
        if found[run.task, run.seed] != (run.problem, run.regret):
            raise ValueError(f"{searcher} now finds something else in {run.task}, seed {run.seed}")
    renamed = [replace(run, version=version_of(searcher)) if run in former else run for run in runs]
    with replacing(path) as new:
        new.write_text("".join(map(_encode, renamed)), encoding="utf-8")
    return len(former)


def _encode(run: Run) -> str:
    return json.dumps(asdict(run)) + "\n"


def _keys(
    tasks: Iterable[str], searchers: Iterable[str], seeds: int
) -> Iterator[tuple[str, str, int, str, str]]:
    names = list(searchers)
    for seed in range(seeds):
        for task in tasks:
            for searcher in names:
                yield task, searcher, seed, version_of(searcher), problem_of(task, seed)[1]


def make(todo: list[tuple[str, str, int]], workers: int, path: Path = RESULTS) -> Iterator[Run]:
    """Makes runs, and appends each to the file as it ends."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for run in _searched(todo, workers):
            file.write(_encode(run))
            file.flush()
            yield run


def _searched(todo: list[tuple[str, str, int]], workers: int) -> Iterator[Run]:
    return in_processes(_search, todo, workers, _RUNS_PER_PROCESS)


def _search(arguments: tuple[str, str, int]) -> Run:
    return search(*arguments)


def in_processes(
    function: Callable[[A], T], arguments: Iterable[A], workers: int, calls_per_process: int
) -> Iterator[T]:
    """Calls a function in processes of one thread each; yields each result as it is there."""
    os.environ.update(_ONE_THREAD)
    context = multiprocessing.get_context("spawn")
    # Not an executor's: Python 3.11's may wait for ever for a process that it has not replaced.
    with context.Pool(workers, maxtasksperchild=calls_per_process) as pool:
        yield from pool.imap_unordered(function, arguments)
