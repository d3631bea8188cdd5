"""Measurements as Katib's File collector reads them: a JSON object a line, each value a string.

Read in Katib v0.19.0 (cmd and pkg/metricscollector/v1beta1/file-metricscollector):

- Until the file is there the collector asks for it without a pause, and at the end it fails where it is
  missing. So it is made first. An empty one makes a trial "metrics unavailable".
- The collector reads it all once the trainer has succeeded and, where trials are stopped early, follows it
  meanwhile. A line that is not JSON, half a line for one, ends the collector, and the pod with it. A line
  without the objective's name is passed over.
- The last value is the one with the latest time, which the database keeps in microseconds and does not order
  beyond that. A time that is a number loses the zeros behind its point, so it is text.
- All values go to the database in one statement, which takes 16383 of them, and come back in one message of
  4 MiB. More than that fails the trial. `Objective` thins out what comes here.

What the collector has followed it has judged: nothing can withdraw that. So a source that others may outdo is
held back until the trainer ends, except where earlier trials of the job were judged by none better.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from hptune.results.study import Measurement
from hptune.trial.metrics.report import Source

STEP_METRIC = "hptune-training-step"
"""Name under which a measurement's step, the trainer's own, stands beside the objective."""

# In place of a line that is withdrawn: of the same length, and without the objective.
_WITHDRAWN = b"{}"


class CollectorFile:
    """The file while the trainer runs; a `Curve`."""

    def __init__(self, path: Path, metric: str, shown_from: Source = Source.EVALUATION_SUMMARY) -> None:
        """Makes the file, empty.

        Args:
            path: Where Katib looks for it.
            metric: The objective's name.
            shown_from: The least deliberate source whose measurements are written as they come.
        """
        self._metric = metric
        self._shown_from = shown_from
        self._source = Source.HYPERTUNE
        self._held: list[tuple[Measurement, bool]] = []
        self._written = 0
        self._last: Measurement | None = None
        self._time = datetime.min.replace(tzinfo=UTC)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer: each line is one write.
        self._file = path.open("w+b", buffering=0)

    def __enter__(self) -> CollectorFile:
        """Does nothing more."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file as it is."""
        self._file.close()

    def show_from(self, source: Source) -> None:
        """Sets the least deliberate source whose measurements are written as they come."""
        self._shown_from = source

    def restart(self, source: Source) -> None:
        """Withdraws what was written. See `Curve`."""
        self._source = source
        self._held = []
        self._last = None
        self._file.seek(0)
        lines = self._file.read().splitlines()
        self._file.seek(0)
        # In place: whoever follows the file has a place in it.
        self._file.write(b"".join(_WITHDRAWN.ljust(len(line)) + b"\n" for line in lines))

    def add(self, measurement: Measurement, *, late: bool = False) -> None:
        """Takes a measurement; one that cannot be compared with others is left out. See `Curve`."""
        if not measurement.finite:
            return
        if self._source < self._shown_from:
            self._held.append((measurement, late))
        else:
            self._write(measurement, late=late)

    def finish(self, final: Measurement | None) -> bool:
        """Writes what was held back, and makes the last line the measurement that counts.

        Where that one cannot be compared with others the file is emptied: Katib would take an earlier one for
        it, as it would for a model that has diverged.

        Args:
            final: The measurement that counts; None where there is none.

        Returns:
            Whether a collector that follows the file has something to judge only now.
        """
        if final is None or not final.finite:
            self._file.truncate(0)
            return False
        held, self._held = self._held, []
        for measurement, late in held:
            self._write(measurement, late=late)
        if self._last != final:
            self._write(final)
        return bool(held)

    def _write(self, measurement: Measurement, *, late: bool = False) -> None:
        after = self._time + timedelta(microseconds=1)
        time = after - timedelta(microseconds=2) if late else max(datetime.now(UTC), after)
        line = {
            "timestamp": time.isoformat(timespec="microseconds"),
            self._metric: repr(float(measurement.value)),
            STEP_METRIC: str(measurement.step),
        }
        self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(line).encode("ascii") + b"\n")
        if not late:
            self._time, self._last = time, measurement
