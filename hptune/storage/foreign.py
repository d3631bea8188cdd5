"""Files of ours in a directory where another program may write, remove and replace what it likes."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Reads the start of a file; nothing where there is none, or something else than a file in its place."""
    try:
        # Without blocking: a pipe that nobody writes to would hold us up for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, max_bytes) if regular else b""
    finally:
        os.close(descriptor)


def make_way(path: Path) -> None:
    """Sees to it that a regular file can be written: its directory is there, and nothing else in its place.

    Raises:
        OSError: That cannot be done.
    """
    if not path.parent.is_dir():
        path.parent.unlink(missing_ok=True)
        path.parent.mkdir(parents=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or (path.exists() and not path.is_file()):
        path.unlink()
