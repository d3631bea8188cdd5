"""Measurements as Katib's File collector reads them: a JSON object a line, each value a string.

Read in Katib v0.19.0 (cmd and pkg/metricscollector/v1beta1/file-metricscollector):

- Until the file is there the collector asks for it without a pause, and at the end it fails where it is
  missing. So it is made first. An empty one makes a trial "metrics unavailable".
- The collector reads it all once the trainer has succeeded and, where trials are stopped early, follows it
  meanwhile. A line that is not JSON, half a line for one, ends the collector, and the pod with it.
- The last value is the one with the latest time, which the database keeps in microseconds and does not order
  beyond that. A time that is a number loses the zeros behind its point, so it is text.
- All values go to the database in one statement, which takes 16383 of them, and come back in one message of
  4 MiB. More than that fails the trial.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from hptune.results.study import Measurement

STEP_METRIC = "hptune-training-step"
"""Name under which a measurement's step, the trainer's own, stands beside the objective."""

# Lines before they are thinned out, and then again each time that the measurements have doubled: about 6000
# lines of two values for 10^9 measurements.
_LINES = 256


class CollectorFile:
    """The file while the trainer runs."""

    def __init__(self, path: Path, metric: str) -> None:
        """Makes the file, empty.

        Args:
            path: Where Katib looks for it.
            metric: The objective's name.
        """
        self._metric = metric
        self._count = 0
        self._last: Measurement | None = None
        self._last_written: Measurement | None = None
        self._time = datetime.min.replace(tzinfo=UTC)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        # Without a buffer, and for appending: each line is one write, and goes where the file ends.
        self._file = path.open("ab", buffering=0)

    def __enter__(self) -> CollectorFile:
        """Does nothing more."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file as it is."""
        self._file.close()

    def add(self, measurement: Measurement) -> None:
        """Takes the measurement that counts from now on."""
        self._last = measurement
        if not measurement.finite:
            return
        self._count += 1
        stride = 1 << max(0, self._count.bit_length() - _LINES.bit_length())
        if self._count % stride == 0:
            self._write(measurement)

    def finish(self) -> None:
        """Makes the last line the measurement that counts.

        Where that one cannot be compared with others the file is emptied: Katib would take an earlier one for
        it, as it would for a model that has diverged.
        """
        if self._last is None:
            return
        if not self._last.finite:
            self._file.truncate(0)
        elif self._last is not self._last_written:
            self._write(self._last)

    def _write(self, measurement: Measurement) -> None:
        self._time = max(datetime.now(UTC), self._time + timedelta(microseconds=1))
        line = {
            "timestamp": self._time.isoformat(timespec="microseconds"),
            self._metric: repr(float(measurement.value)),
            STEP_METRIC: str(measurement.step),
        }
        self._file.write(json.dumps(line).encode("ascii") + b"\n")
        self._last_written = measurement
