"""Reads TensorBoard summaries below a directory while a trainer writes them."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from pathlib import Path

from hptune.results.study import Measurement
from hptune.trial.metrics.event_file import EventFile
from hptune.trial.metrics.places import summary_source
from hptune.trial.metrics.report import Report


class SummarySource:
    """Reads the event files below a directory that were not there when the trial began."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[Path, EventFile] = {}
        # What an interrupted attempt left is not this attempt's measurement.
        self._earlier = frozenset(self._paths())

    def read_new(self) -> Iterator[Report]:
        """Yields what was written since the last call, of all files together in the order of writing."""
        files = (self._read_file(path) for path in sorted(self._paths() - self._earlier))
        return heapq.merge(*files, key=lambda report: report.time_s)

    def _read_file(self, path: Path) -> Iterator[Report]:
        file = self._files.setdefault(path, EventFile(path))
        folder = path.relative_to(self._directory).parent
        source = summary_source(folder.parts)
        for scalar in file.read_new():
            measurement = Measurement(scalar.value, scalar.step)
            yield Report(scalar.tag, measurement, source, scalar.wall_time_s, str(folder))

    def _paths(self) -> set[Path]:
        # Not rglob, which fails where a trainer moves a directory of checkpoints away meanwhile.
        return {
            Path(folder, name)
            for folder, _, names in os.walk(self._directory)
            for name in names
            if "tfevents" in name
        }
