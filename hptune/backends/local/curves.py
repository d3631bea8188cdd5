"""Trials' measurements on their way into the Optuna study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hptune.results.curve import curve_of
from hptune.results.study import Measurement
from hptune.trial.metrics.report import Source


class RunningCurve:
    """The measurements of a trial that runs.

    Attributes:
        source: Where they were found.
        measurements: Oldest first.
    """

    def __init__(self) -> None:
        self.source = Source.PRINTED_IN_PASSING
        self.measurements: Sequence[Measurement] = ()
        self._judged: set[int] = set()

    def update(self, source: Source, measurements: Sequence[Measurement]) -> None:
        """Takes all measurements as they now are; those of another source are withdrawn."""
        if source != self.source:
            self._judged = set()
        self.source, self.measurements = source, measurements

    def new_values(self) -> Iterator[dict[int, float]]:
        """Yields, for each step not yielded before, the values up to it; the same dictionary every time."""
        values: dict[int, float] = {}
        for step, value in by_step(self.measurements).items():
            values[step] = value
            if step not in self._judged:
                self._judged.add(step)
                yield values


def by_step(measurements: Iterable[Measurement]) -> dict[int, float]:
    """Returns measurements as Optuna keeps them, by their steps."""
    return {measurement.step: measurement.value for measurement in curve_of(measurements)}
