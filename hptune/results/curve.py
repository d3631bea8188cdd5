"""A trial's curve: of what its trainer reported, what a study keeps."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from hptune.results.study import Measurement

MAX_MEASUREMENTS = 10_000
"""Of a trial, since studies are read whole. `hptune.trial` thins them out before."""


def next_step(measurement: Measurement, last_step: int) -> int:
    """The step that a measurement is kept at.

    A study has one measurement a step, in order, and trainers that name no step report them all at 0.
    """
    return max(measurement.step, last_step + 1)


def curve_of(reported: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """The measurements that a study keeps of those that a trainer reported, oldest first."""
    kept: list[Measurement] = []
    for measurement in islice(reported, MAX_MEASUREMENTS):
        step = next_step(measurement, kept[-1].step if kept else -1)
        kept.append(Measurement(measurement.value, step))
    return tuple(kept)
