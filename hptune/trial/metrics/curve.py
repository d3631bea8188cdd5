"""A trial's measurements on disk: written while its trainer runs, followed by whoever runs it.

A JSON object a line: a measurement, or a line such as ``{"source": "EVALUATION_SUMMARY"}``, which withdraws
all that stands before it, for from there on a more deliberate source is read. A file without such a line is
of what was printed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hptune.results.study import Measurement
from hptune.trial.metrics.report import Source

_FIRST = Source.STDOUT


class CurveWriter:
    """Writes the file, opened in text mode; each line is there when its call returns."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._source = _FIRST

    def restart(self, source: Source) -> None:
        """Withdraws what was written before. See `Curve`."""
        if source != self._source:
            self._write({"source": source.name})
        self._source = source

    def add(self, measurement: Measurement, *, late: bool = False) -> None:
        """Writes a measurement. See `Curve`."""
        line: dict[str, object] = {"value": measurement.value, "step": measurement.step}
        self._write({**line, "late": True} if late else line)

    def _write(self, line: dict[str, object]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class CurveReader:
    """Follows the file.

    Attributes:
        source: The source that they were found in.
        measurements: The measurements that count, oldest first.
        new_from: How many of them were there before the last call.
    """

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        self._path = path
        self._strict = strict
        self._offset = 0
        self.source = _FIRST
        self.measurements: list[Measurement] = []
        self.new_from = 0

    def read_new(self) -> bool:
        """Reads the lines written since the last call; returns whether there were any."""
        if not self._path.is_file():
            return False
        with self._path.open("rb") as file:
            file.seek(self._offset)
            complete, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(complete) + len(newline)
        self.new_from = len(self.measurements)
        for line in complete.splitlines():
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
                # The file lies where the trainer may write: what is none of our lines is passed over.
                if self._strict:
                    raise ValueError(f"{self._path}: {line[:80]!r} is no measurement") from error
        return bool(newline)

    def _take(self, line: dict[str, object]) -> None:
        if "source" in line:
            self.source = Source[str(line["source"])]
            self.measurements = []
            self.new_from = 0
            return
        measurement = Measurement(float(str(line["value"])), int(str(line["step"])))
        place = self._place(measurement) if line.get("late") else len(self.measurements)
        self.measurements.insert(place, measurement)

    def _place(self, late: Measurement) -> int:
        """Finds where a measurement belongs that was made before the last: before those of a higher step."""
        place = max(0, len(self.measurements) - 1)
        while place > 0 and self.measurements[place - 1].step > late.step:
            place -= 1
        return place


def read_curve(path: Path, *, strict: bool = False) -> Sequence[Measurement]:
    """Reads the measurements of a trial; none where there is no file.

    Args:
        path: The file.
        strict: Whether a line that is none of ours is refused; else it is passed over.

    Raises:
        ValueError: There is such a line, and ``strict`` was asked for.
    """
    reader = CurveReader(path, strict=strict)
    reader.read_new()
    return reader.measurements
