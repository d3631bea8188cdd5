"""How far a job is: what is done, how long it has run, and how long it may still take."""

from __future__ import annotations

import heapq
import statistics
from dataclasses import dataclass
from datetime import datetime

from hptune.results.study import Study, Trial


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        finished: How many of its trials have ended.
        total: How many there are to be.
        elapsed_s: Seconds since it began.
        left_s: Seconds that the rest may take; None while no trial has shown how long one takes.
    """

    finished: int
    total: int
    elapsed_s: float
    left_s: float | None


def measure_progress(study: Study, since: datetime, now: datetime) -> Progress:
    """Measures how far a job is.

    Args:
        study: Its trials.
        since: When it, or whoever watches it, began; trials that run may have begun before.
        now: The time.
    """
    running = [trial for trial in study.trials if not trial.state.finished]
    starts = [trial.start_time for trial in running if trial.start_time]
    elapsed_s = (now - min([since, *starts])).total_seconds()
    total = max(study.max_trials, len(study.trials))
    return Progress(len(study.finished), total, max(0.0, elapsed_s), _estimate_left_s(study, running, now))


def _estimate_left_s(study: Study, running: list[Trial], now: datetime) -> float | None:
    """Estimates the time left: each trial takes the usual time, and as many run at once as do now."""
    usual_s = _usual_duration_s(study)
    if usual_s is None:
        return None
    ages_s = [(now - trial.start_time).total_seconds() if trial.start_time else 0.0 for trial in running]
    free_at = [max(0.0, usual_s - age_s) for age_s in ages_s] or [0.0]
    heapq.heapify(free_at)
    for _ in range(study.max_trials - len(study.trials)):
        heapq.heappushpop(free_at, free_at[0] + usual_s)
    return max(free_at)


def _usual_duration_s(study: Study) -> float | None:
    # A trial that failed at once says little of the others.
    durations = [trial.duration_s for trial in study.finished if trial.final and trial.duration_s is not None]
    return statistics.median(durations) if durations else None
