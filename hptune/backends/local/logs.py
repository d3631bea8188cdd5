"""What trainers print, followed across trials."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from hptune.results.study import LogLine
from hptune.storage.job_dir import JobDir, TrialDir
from hptune.trial.task_output import split_label

_POLL_S = 0.3
# A longer line is told in pieces.
_LONGEST_LINE_BYTES = 64 * 1024


class _Log:
    """One trial's log, read from where the last read ended."""

    def __init__(self, trial_id: int, directory: TrialDir) -> None:
        self._trial_id = trial_id
        self._directory = directory
        self._inode: int | None = None
        self._offset = 0

    def read_new(self, *, to_end: bool) -> Iterator[LogLine]:
        """Yields the lines written since the last call; half a line only when nothing more is to come.

        Of a log that was put aside since then the rest comes first, unless that was done twice.
        """
        former, log = self._directory.former_log, self._directory.log
        if self._inode is None and former.is_file():
            yield from self._read(self._directory.first_log, to_end=True)
            yield from self._read(former, to_end=True)
        elif former.is_file() and former.stat().st_ino == self._inode:
            yield from self._read(former, to_end=True)
        yield from self._read(log, to_end=to_end)

    def _read(self, path: Path, *, to_end: bool) -> Iterator[LogLine]:
        if not path.is_file():
            # The trainer has put something else in its place.
            return
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_ino != self._inode:
                self._inode, self._offset = status.st_ino, 0
            written = datetime.fromtimestamp(status.st_mtime, UTC)
            file.seek(self._offset)
            while line := file.readline(_LONGEST_LINE_BYTES):
                if not line.endswith(b"\n") and len(line) < _LONGEST_LINE_BYTES and not to_end:
                    return
                self._offset += len(line)
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                task, printed = split_label(text)
                # A progress bar redraws its line; what it ended with is what a reader wants.
                yield LogLine(self._trial_id, printed.rpartition("\r")[2], written, task)


def follow(job_dir: JobDir, is_running: Callable[[], bool]) -> Iterator[LogLine]:
    """Yields the lines of all trials, in order within each, until the job does not run any more.

    Args:
        job_dir: The job's directory.
        is_running: Whether more lines can come.
    """
    logs: dict[int, _Log] = {}
    while True:
        # Asked first: what is written before the job ends is then read below.
        running = is_running()
        for trial_id in _trial_ids(job_dir):
            trial_dir = job_dir.trial(trial_id)
            log = logs.setdefault(trial_id, _Log(trial_id, trial_dir))
            yield from log.read_new(to_end=not running or trial_dir.outcome.is_file())
        if not running:
            return
        time.sleep(_POLL_S)


def _trial_ids(job_dir: JobDir) -> list[int]:
    names = [path.parent.name for path in job_dir.state.glob("trials/*/log.txt")]
    return sorted(int(name) for name in names if name.isdecimal())
