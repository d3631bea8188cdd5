"""Compares samplers on the same tasks and seeds, and writes their section of docs/benchmarks.md.

    python -m benchmarks.suggest [--seeds 20] [--searchers NAME,...] [--tasks NAME,...] [--workers 2]
    python -m benchmarks.suggest --relabel

Runs made before, kept in benchmarks/results/suggest.jsonl, are not made again as long as the task and the
sampler are what they were. Our sampler's version is a digest of its code without comments and docstrings:
after a change that should change no suggestion, --relabel makes some of its runs again and, where they find
the same, keeps them all.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks.page import PICTURES, write_section
from benchmarks.suggest import report, study
from benchmarks.suggest.report import Curves
from benchmarks.suggest.searchers import BASELINE, OURS
from benchmarks.suggest.study import Run
from benchmarks.suggest.tasks import TASKS

_SAMPLE = 13
"""Runs that --relabel makes again."""


def section(curves: Curves, seeds: int) -> str:
    """Returns the results, in Markdown."""
    worse = report.significantly_worse(curves)
    verdict = "; ".join(worse) if worse else "none"
    versions = ", ".join(f"{name} {study.version_of(name)}" for name in curves.searchers)
    lines = [
        f"{len(curves.tasks)} tasks, {seeds} seeds, {study.TRIALS} trials. The regret of a search is 0 at "
        "the task's optimum and 1 at the median of random guesses; it is that of the best trial by what was "
        "measured, taken without the noise.",
        "",
        "Mean regret over all tasks and its standard error:",
        "",
        *report.summary(curves),
        "",
        *[
            f"For the regret that hptune has after {budget} trials the others take: "
            f"{', '.join(report.catching_up(curves, budget))}."
            for budget in report.BUDGETS[:2]
        ],
        "",
        "![mean regret against trials](benchmarks/suggest.svg)",
        "",
        "Mean regret of each task:",
        "",
        *report.by_task(curves),
        "",
        f"Tasks where hptune is significantly worse than random search (Wilcoxon, p < {report.SIGNIFICANT}): "
        f"{verdict}.",
        "",
        f"Versions: {versions}.",
        "",
    ]
    return "\n".join(lines)


def partial(runs: Sequence[Run], tasks: Sequence[str], searcher: str) -> list[str]:
    """Returns the results of a searcher that has run only the first seeds, in Markdown."""
    seeds = report.complete_seeds(runs, tasks, searcher)
    if seeds < 2:
        return []
    curves = Curves(runs, tasks, [OURS, BASELINE, searcher], seeds)
    return [f"{searcher}, over the first {seeds} seeds alone:", "", *report.summary(curves), ""]


def _names(text: str, known: Mapping[str, object] | list[str], what: str) -> list[str]:
    names = [name.strip() for name in text.split(",")] if text else list(known)
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(
            f"no such {what}, or not installed: {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return names


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tasks", default="", help="comma-separated (default: all)")
    parser.add_argument("--searchers", default="", help="to make runs of (default: all that are installed)")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--only-print", action="store_true", help="leave docs/benchmarks.md as it is")
    parser.add_argument("--relabel", action="store_true", help="keep the runs of code that suggests the same")
    args = parser.parse_args()
    if args.relabel:
        count = study.relabel(OURS, _SAMPLE, args.workers)
        print(f"{count} runs of {OURS} have the version {study.version_of(OURS)} now")
        return
    tasks = _names(args.tasks, TASKS, "task")
    searchers = _names(args.searchers, study.known(), "sampler")
    runs = study.load()
    todo = study.missing(runs, tasks, searchers, args.seeds)
    start = time.monotonic()
    for count, run in enumerate(study.make(todo, args.workers), 1):
        runs.append(run)
        done = f"{count}/{len(todo)}, {time.monotonic() - start:.0f} s"
        line = f"\r{done}: {run.task}, {run.searcher}, seed {run.seed}"
        print(line.ljust(90), end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    # What was not to be made may have been before.
    shown = study.known()
    kept = study.current(runs, tasks, shown, args.seeds)
    curves = Curves(kept, tasks, shown, args.seeds)
    left_out = [searcher for searcher in shown if searcher not in curves.searchers]
    others = [line for searcher in left_out for line in partial(kept, tasks, searcher)]
    text = "\n".join([section(curves, args.seeds), *others])
    if not args.only_print:
        write_section("suggest", text)
        report.draw(curves, PICTURES / "suggest.svg")
    print(text)


if __name__ == "__main__":
    main()
