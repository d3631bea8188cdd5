"""What a trainer reports, and the places that it reports in."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from hptune.job.tuning_job import DEFAULT_METRIC_TAG
from hptune.results.study import Measurement


class Source(IntEnum):
    """Where a report was found; the higher, the more deliberate."""

    RENAMED_TRAINING_SUMMARY = -3
    """As TRAINING_SUMMARY, under another name that Keras has for the metric."""
    RENAMED_SUMMARY = -2
    """As SUMMARY, under such a name."""
    RENAMED_EVALUATION_SUMMARY = -1
    """As EVALUATION_SUMMARY, under such a name."""
    PRINTED_IN_PASSING = 0
    """Printed as ``name: value``, as progress bars and dictionaries have it."""
    STDOUT = 1
    """Printed as ``name=value``."""
    TRAINING_SUMMARY = 2
    """A TensorBoard summary of the training data."""
    SUMMARY = 3
    """A TensorBoard summary that does not say of which data."""
    EVALUATION_SUMMARY = 4
    """A TensorBoard summary of held-out data."""
    HYPERTUNE = 5
    """The metric file, which cloudml-hypertune writes."""


class Report(NamedTuple):
    """One value of one tag, as a source showed it.

    Attributes:
        tag: What the trainer called it.
        measurement: Its value and step.
        source: The source that it was found in.
        time_s: Seconds since the epoch when it was written; 0 where its source shows reports in their order.
        place: The directory of a summary, relative to the trial's; empty for other sources.
    """

    tag: str
    measurement: Measurement
    source: Source
    time_s: float = 0.0
    place: str = ""


class Curve(Protocol):
    """Is told of the reports of the objective that count, all of one source."""

    def restart(self, source: Source) -> None:
        """Begins anew with reports of ``source``: all that was added before is withdrawn."""

    def add(self, measurement: Measurement, *, late: bool = False) -> None:
        """Takes a measurement: the last one so far, or a late one that was made before the last."""


def is_objective(metric: str, tag: str) -> bool:
    """Returns whether ``tag`` is the objective's.

    The default tag may have a scope before it, for that is how Google's own hook came to write it.
    """
    return tag == metric or (metric == DEFAULT_METRIC_TAG and tag.endswith(f"/{metric}"))
