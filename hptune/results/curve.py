"""A trial's curve: of what its trainer reported, what a study keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from hptune.results.study import Goal, Measurement

MAX_MEASUREMENTS = 10_000
"""Of a trial, since studies are read whole. `hptune.trial` thins them out before."""


def next_step(measurement: Measurement, last_step: int) -> int:
    """Returns the step that a measurement is kept at.

    A study has one measurement a step, in order, and trainers that name no step report them all at 0.
    """
    return max(measurement.step, last_step + 1)


def curve_of(reported: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Returns the measurements that a study keeps of those that a trainer reported, oldest first."""
    kept: list[Measurement] = []
    for measurement in islice(reported, MAX_MEASUREMENTS):
        step = next_step(measurement, kept[-1].step if kept else -1)
        kept.append(Measurement(measurement.value, step))
    return tuple(kept)


def best_of(measurements: Sequence[Measurement], goal: Goal) -> Measurement:
    """Returns the best of some measurements that can be compared; the last one where none can."""
    best = measurements[-1]
    for measurement in measurements:
        if measurement.finite and (not best.finite or goal.better(measurement.value, best.value)):
            best = measurement
    return best
