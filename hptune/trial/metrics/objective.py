"""Follows the objective: which report judges the trial, and the curve that leads there."""

from __future__ import annotations

from collections.abc import Sequence

from hptune.results.study import Goal, Measurement
from hptune.trial.metrics.report import Curve, Report, Source

# Measurements before they are thinned out, and then again each time that they have doubled: about 3300 for
# 1,000,000 reports, 6000 for 10^9.
_KEPT = 256
# As many as a message can name.
_MAX_PLACES = 8


class Objective:
    """Keeps the report that judges a trial, and tells curves of those that lead there.

    Reports of the most deliberate source that has spoken count, and no others. Of these the one that was
    written last is the trial's, or the best one.
    """

    def __init__(self, curves: Sequence[Curve] = (), *, best_by: Goal | None = None) -> None:
        """Begins without a report.

        Args:
            curves: Are told of the measurements, thinned out where there are many.
            best_by: Has the best report judge the trial, by this goal; None for the last one.
        """
        self._curves = curves
        self._best_by = best_by
        self._last: Report | None = None
        self._best: Report | None = None
        self._count = 0
        self._shown: Report | None = None
        self._shown_best: Report | None = None
        self._places: dict[str, tuple[float, int]] = {}

    @property
    def measurement(self) -> Measurement | None:
        """The measurement that judges the trial as far as it has come; None where nothing reported one."""
        return self._counting.measurement if self._counting else None

    @property
    def source(self) -> Source | None:
        """Where it was found."""
        return self._counting.source if self._counting else None

    @property
    def _counting(self) -> Report | None:
        return self._best or self._last

    @property
    def note(self) -> str:
        """What a reader of the results should know of how the objective was found; empty for nothing."""
        if self._counting is None:
            return ""
        tag, source = self._counting.tag, self._counting.source
        if source is Source.PRINTED_IN_PASSING:
            return f"{tag} was read from printed lines such as '{tag}: 0.5'; print '{tag}=0.5' to make sure"
        notes = [self._places_note]
        if source < Source.PRINTED_IN_PASSING:
            notes.insert(0, f"{tag} counted, the metric's name in another release of Keras")
        return "; ".join(filter(None, notes))

    @property
    def _places_note(self) -> str:
        places = self._distinct_places
        if self._counting and len(places) > 1:
            named = ", ".join([*map(repr, places)][:_MAX_PLACES])
            more = f" and {len(places) - _MAX_PLACES} more" if len(places) > _MAX_PLACES else ""
            which = "best" if self._best else "last written"
            return (
                f"{self._counting.tag} was written in several directories, {named}{more}; "
                f"the {which} counted, of {self._counting.place!r}"
            )
        return ""

    @property
    def _distinct_places(self) -> list[str]:
        """The places but for copies, such as mlflow's of an event file: they end at the same microsecond."""
        places: dict[object, str] = {}
        for place, moment in self._places.items():
            places.setdefault(moment if moment[0] else place, place)
        return [*places.values()]

    def add(self, report: Report) -> None:
        """Takes a report of the objective."""
        if self._last is None or report.source > self._last.source:
            self._restart(report.source)
        elif report.source < self._last.source:
            return
        late = self._is_late(report)
        self._places[report.place] = _moment(report)
        if not late:
            self._last = report
        if self._is_best(report):
            self._best = report
        self._count += 1
        if self._count % (1 << max(0, self._count.bit_length() - _KEPT.bit_length())) == 0:
            self._show(report, late=late)

    def finish(self) -> None:
        """Ends the curves with the last measurement, where they do not have it."""
        self._show_best()
        if self._last is not None and self._shown is not self._last:
            self._show(self._last)

    def _restart(self, source: Source) -> None:
        self._last = self._best = self._shown = self._shown_best = None
        self._count = 0
        self._places = {}
        for curve in self._curves:
            curve.restart(source)

    def _is_late(self, report: Report) -> bool:
        # Without times, reports come in their order, and a trainer may count its steps anew.
        last = self._last
        return last is not None and report.time_s != 0 and _moment(report) < _moment(last)

    def _is_best(self, report: Report) -> bool:
        if self._best_by is None or not report.measurement.finite:
            return False
        value = report.measurement.value
        return self._best is None or self._best_by.better(value, self._best.measurement.value)

    def _show(self, report: Report, *, late: bool = False) -> None:
        if report is self._best:
            self._shown_best = report
        self._show_best()
        self._tell(report, late=late)

    def _show_best(self) -> None:
        """Shows the best report where it was thinned out: a curve is judged by its best value."""
        best = self._best
        if best is not None and best is not self._shown_best:
            self._shown_best = best
            self._tell(best, late=self._shown is not None and _moment(best) < _moment(self._shown))

    def _tell(self, report: Report, *, late: bool) -> None:
        if not late:
            self._shown = report
        for curve in self._curves:
            curve.add(report.measurement, late=late)


def _moment(report: Report) -> tuple[float, int]:
    return (report.time_s, report.measurement.step if report.time_s else 0)
