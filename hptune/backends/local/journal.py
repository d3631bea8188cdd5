"""The file that Optuna keeps a study in, and its copy.

Each line is sealed (`sealed_lines`) and written to both, so that what a disk, an editor or a copying program
changed is noticed, and had from the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileOpenLock

from hptune.backends.local.sealed_lines import joined, seal, whole_lines
from hptune.storage.atomic import replacing
from hptune.storage.full_disk import naming

_LINE_START = b'{"op_code":'


class Journal(JournalFileBackend):
    """Optuna's journal, which can write many entries at once: each write waits for the disk.

    Args:
        path: The file; `mend` has been called for it.
        copy: The same lines once more.
    """

    def __init__(self, path: Path, copy: Path) -> None:
        super().__init__(str(path), _JobsLock(str(path)))
        self._paths = (path, copy)
        self._count = path.read_bytes().count(b"\n")
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
        if self._pending is not None:
            self._pending += logs
            return
        texts = [json.dumps(log, separators=(",", ":")) for log in logs]
        lines = b"".join(seal(text, number) for number, text in enumerate(texts, self._count))
        for path in self._paths:
            with naming(path), path.open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        self._count += len(texts)


class JournalSnapshot(BaseJournalBackend):
    """A journal as it is now, for reading, while somebody else may write to it.

    Raises:
        DamagedLineError: A line is not as it was written, in the file nor in its copy.
    """

    def __init__(self, path: Path, copy: Path) -> None:
        content = joined(whole_lines(path), whole_lines(copy))
        self._entries = [json.loads(line) for line in content.splitlines()]

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yields the entries from a number on. See `BaseJournalBackend`."""
        yield from self._entries[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Refuses to write.

        Raises:
            TypeError: Always.
        """
        raise TypeError(f"{len(logs)} entries for a journal that is only read")


def mend(path: Path, copy: Path) -> Sequence[Path]:
    """Makes a journal and its copy whole and equal, for whoever is about to write to them.

    A line that was being written when its writer was killed is taken away, from a journal and its copy.

    Returns:
        Files that were damaged beyond that; each is kept as it was beside itself, as NAME.damaged.

    Raises:
        DamagedLineError: A line is not as it was written, in the file nor in its copy; nothing was changed.
    """
    content = joined(whole_lines(path), whole_lines(copy))
    damaged = []
    for file in (path, copy):
        found = file.read_bytes() if file.exists() else b""
        if found == content:
            continue
        if not _is_cut_off(found, content):
            file.replace(file.with_name(f"{file.name}.damaged"))
            damaged.append(file)
        with replacing(file) as temporary:
            temporary.write_bytes(content)
    return damaged


def _is_cut_off(found: bytes, content: bytes) -> bool:
    """Returns whether a file is as a writer that was killed can leave it: short of lines, one by half."""
    end = found.rfind(b"\n") + 1
    half = found[end:]
    return content.startswith(found[:end]) and half.startswith(_LINE_START[: len(half)])


class _JobsLock(JournalFileOpenLock):
    """Stands for the job's own lock, which whoever writes holds already and the kernel takes back.

    Optuna's locks are files, which a writer that is killed leaves: the next one would wait for 30 s.
    """

    def acquire(self) -> bool:
        """Does nothing."""
        return True

    def release(self) -> None:
        """Does nothing."""
