"""Reads TensorBoard summaries below a directory, and elsewhere, while a trainer writes them."""

from __future__ import annotations

import heapq
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from hptune.results.study import Measurement
from hptune.trial.metrics.elsewhere import Elsewhere
from hptune.trial.metrics.event_file import EventFile
from hptune.trial.metrics.places import summary_source
from hptune.trial.metrics.report import Report
from hptune.trial.metrics.unmeasured import Unmeasured


class SummarySource:
    """Reads the event files that were not there when the trial began.

    Args:
        directory: The trial's own directory, with all that is below it.
        elsewhere: Finds what the trainer writes in other places.
        unmeasured: Tells the files of those of the trial's tasks that are not measured.
    """

    def __init__(
        self, directory: Path, elsewhere: Elsewhere | None = None, unmeasured: Unmeasured | None = None
    ) -> None:
        self._directory = directory
        self._elsewhere = elsewhere or Elsewhere()
        self._unmeasured = unmeasured or Unmeasured()
        self._files: dict[Path, EventFile] = {}
        # What an interrupted attempt left is not this attempt's measurement.
        self._earlier = frozenset(self._paths())

    def read_new(self, groups: Collection[int] = (), *, at_once: bool = False) -> Iterator[Report]:
        """Yields what was written since the last call, of all files together in the order of writing.

        Args:
            groups: The process groups of the trainer; none where it has ended.
            at_once: Whether to look through other places even where that was done a moment ago.
        """
        own = dict.fromkeys(self._paths() - self._earlier, self._directory)
        # A file is the trial's own where it is found in both ways.
        places = {**self._elsewhere.files(groups, at_once=at_once), **own}
        inside = {path for path in places if self._directory in path.parents} - own.keys()
        counting = self._unmeasured.left_out(places.keys() - inside)
        files = (self._read_file(path, places[path]) for path in sorted(counting))
        return heapq.merge(*files, key=lambda report: report.time_s)

    def _read_file(self, path: Path, root: Path) -> Iterator[Report]:
        file = self._files.setdefault(path, EventFile(path))
        folder = path.relative_to(root).parent
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
