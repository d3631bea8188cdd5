"""A job's progress in a file: one program runs the job, the one that started it shows how far it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hptune.results.study import Observer, Study, Trial
from hptune.storage.job_dir import write_json
from hptune.storage.json_form import JsonForm

VARIABLE = "HPTUNE_STUDY_FILE"
"""Names the file in the environment of a program that is to write its progress instead of printing it."""

# Each writing is synced to the disk, and a view is redrawn four times a second.
_INTERVAL_S = 0.25
_FORM = JsonForm(Study)


class StudyFile:
    """A study as it last was, written by one program and read by another.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def written(self, study: Study) -> Iterator[Observer]:
        """Keeps the file up to date until the block ends; it is gone where the job succeeded.

        Args:
            study: The study as it is before the job runs.
        """
        writer = _Writer(self._path)
        writer.write(study)
        yield writer
        self._path.unlink(missing_ok=True)

    def read(self) -> Study | None:
        """Reads the study; None where there is none, or none that can be read."""
        # It is only looked at: the job's own records are elsewhere.
        with suppress(OSError, ValueError):
            return _FORM.parse(self._path.read_bytes())
        return None


def asked_for() -> StudyFile | None:
    """Returns the file that whoever started this program wants, and hides it from programs started here."""
    path = os.environ.pop(VARIABLE, "")
    return StudyFile(Path(path)) if path else None


class _Writer:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._next_s = 0.0

    def __call__(self, study: Study, trial: Trial, /) -> None:
        # A trial's begin and end are told at once: nothing else may come for as long as it trains.
        has_begun = not trial.measurements
        if has_begun or trial.state.finished or time.monotonic() >= self._next_s:
            self.write(study)

    def write(self, study: Study) -> None:
        # A view that stands still is no reason to end the job.
        with suppress(OSError):
            write_json(self._path, _FORM.content(study))
        self._next_s = time.monotonic() + _INTERVAL_S
