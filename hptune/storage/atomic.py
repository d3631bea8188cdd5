"""Files that a reader sees as they were or as they are to be, whatever dies meanwhile."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hptune.storage.full_disk import naming


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields the path of a new file beside ``path`` that takes its place, whole and synced, on success.

    Raises:
        OSError: The file cannot be written; ``path`` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not from tempfile, whose files only their owner may read: colleagues and other pods read these.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    temporary.touch(exist_ok=False)
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
