"""Which trials of a very long study the page has room for."""

from __future__ import annotations

from dataclasses import replace

from hptune.results.study import Study, Trial

MAX_DRAWN = 500
MAX_ROWS = 1000


def drawn(study: Study, most: int = MAX_DRAWN) -> Study:
    """Returns the study as plots show it: of many trials, the best half and an even choice of the others."""
    if len(study.trials) <= most:
        return study
    best = {trial.id for trial in study.ranked[: most // 2]}
    others = [trial for trial in study.trials if trial.id not in best]
    count = most - len(best)
    even = {others[len(others) * k // count].id for k in range(count)}
    return replace(study, trials=tuple(trial for trial in study.trials if trial.id in best | even))


def listed(study: Study) -> tuple[Trial, ...]:
    """Returns the trials that the table has, best first."""
    return study.ranked[:MAX_ROWS]
