"""ML Engine's answer on disk, kept up to date as trials finish."""

from __future__ import annotations

import time
from pathlib import Path

from hptune.results.ml_engine import training_output
from hptune.results.study import Study
from hptune.storage.job_dir import write_json

# The file has all trials, so each writing takes longer than the one before. It is written when a fiftieth
# more have finished, which makes a trial's share of it the same however many there are, and when it gets old;
# that is later where writing it takes long.
_GROWTH = 50
_OLD_S = 10.0
_OLD_WRITINGS = 100


class ResultsFile:
    """Writes the file; a reader sees it whole, as it was or as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0
        self._old_at_s = 0.0

    def update(self, study: Study) -> None:
        """Writes what has finished, unless little has since the last time."""
        more = len(study.finished) - self._written
        if more >= max(1, self._written // _GROWTH) or time.monotonic() > self._old_at_s:
            self.write(study)

    def write(self, study: Study) -> None:
        """Writes what has finished."""
        begin = time.monotonic()
        write_json(self._path, {"trainingOutput": training_output(study)})
        end = time.monotonic()
        self._written, self._old_at_s = len(study.finished), end + max(_OLD_S, _OLD_WRITINGS * (end - begin))

    def complete(self, study: Study) -> None:
        """Writes what `update` has left out."""
        if len(study.finished) > self._written:
            self.write(study)
