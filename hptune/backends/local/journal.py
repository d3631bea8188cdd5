"""The file that Optuna keeps a study in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock


class Journal(JournalFileBackend):
    """Optuna's journal, which can write many entries at once: each write waits for the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _JobsLock(str(path)))
        self._pending: list[dict[str, Any]] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Writes at the end of the block what is written within it."""
        pending: list[dict[str, Any]] = []
        self._pending = pending
        try:
            yield
        finally:
            self._pending = None
            if pending:
                self.append_logs(pending)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Writes entries, or keeps them for the end of the block. See `BaseJournalBackend`."""
        if self._pending is None:
            super().append_logs(logs)
        else:
            self._pending += logs


class _JobsLock(JournalFileOpenLock):
    """Stands for the job's own lock, which whoever writes holds already and the kernel takes back.

    Optuna's locks are files, which a writer that is killed leaves: the next one would wait for 30 s.
    """

    def acquire(self) -> bool:
        """Does nothing."""
        return True

    def release(self) -> None:
        """Does nothing."""
