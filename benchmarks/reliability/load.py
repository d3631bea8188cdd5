"""Loads hptune with trials, and holds what one costs against bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import scale

TRIALS_A_TIME = 50
"""Trials for each of the times that are asked for."""

# A trial late in a job costs what an early one does; a hundred trials and another hundred differ by so much.
_MOST_GROWTH = 1.5
_SUGGESTION_S = 2.0
_SUGGESTION_MIB = 500.0


def try_load(trials: int, folder: Path) -> tuple[int, str, list[str]]:
    """Runs a job of so many trials, a hundred at least, up to the last of `benchmarks.scale.MARKS`.

    Returns:
        How many trials were measured, how it ended in words, and what is not as promised.
    """
    costs = scale.run(max(trials, scale.MARKS[0]), folder / "job")
    first, last = costs[0], costs[-1]
    cpu_s, memory_mib = scale.suggest_apart(last.trials)
    words = (
        f"a trial cost {_cost(first)} at the {first.trials:,}th and {_cost(last)} at the {last.trials:,}th, "
        f"with {last.memory_mib:.0f} MiB of memory; the bandit's suggestion after as many took {cpu_s:.1f} s "
        f"and {memory_mib:.0f} MiB"
    )
    return last.trials, words, [*_problems(first, last), *_of_suggestion(cpu_s, memory_mib)]


def _cost(cost: scale.Cost) -> str:
    return f"{cost.cpu_ms:.0f} ms of CPU time and {cost.written_kb:.0f} kB written"


def _problems(first: scale.Cost, last: scale.Cost) -> Iterator[str]:
    if last.cpu_ms > _MOST_GROWTH * first.cpu_ms:
        yield f"{last.cpu_ms:.0f} ms a trial, {first.cpu_ms:.0f} ms at first"
    if last.written_kb > _MOST_GROWTH * first.written_kb:
        yield f"{last.written_kb:.0f} kB a trial, {first.written_kb:.0f} kB at first"


def _of_suggestion(cpu_s: float, memory_mib: float) -> Iterator[str]:
    if cpu_s > _SUGGESTION_S:
        yield f"a suggestion took {cpu_s:.1f} s"
    if memory_mib > _SUGGESTION_MIB:
        yield f"a suggestion took {memory_mib:.0f} MiB"
