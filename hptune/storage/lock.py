"""Holds a directory for one process at a time; the kernel lets go of it however the process ends.

The lock is a file in the directory, and the directory itself where its file system can lock one: a file that
somebody deletes meanwhile lets nobody in, then. NFS locks files alone.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from hptune.errors import Fault, JobDirError

# A reader that asks whether it is held holds it for an instant.
_PATIENCE_S = 2.0
_POLL_S = 0.05
# What locking a directory gives where the file system can lock files alone.
_ONLY_FILES = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def hold(file: Path, place: Path) -> Iterator[None]:
    """Holds a lock file and the directory that it is in, which is made where it is missing.

    Args:
        file: The lock file.
        place: What is locked, in messages.

    Raises:
        JobDirError: Another process, or another part of this one, holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # Where the file system has no locks, filelock's mere file would outlive its process.
    lock = FileLock(file, timeout=_PATIENCE_S, poll_interval=_POLL_S, fallback_to_soft=False)
    try:
        with lock, _opened(file.parent) as directory:
            _lock_directory(directory)
            # It is for messages alone.
            with suppress(OSError):
                file.write_text(str(os.getpid()), encoding="utf-8")
            yield
    except Timeout:
        raise JobDirError(Fault(str(place), f"is in use by process {_holder(file)}")) from None


def is_held(file: Path) -> bool:
    """Returns whether a process holds a lock file, or the directory that it is in."""
    for path in (file, file.parent):
        with suppress(FileNotFoundError), _opened(path) as opened:
            # Shared, so that two readers do not take each other for a holder; filelock has no such lock.
            if not _locks(opened, fcntl.LOCK_SH):
                return True
    return False


def _holder(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock_directory(directory: int) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while not _locks(directory, fcntl.LOCK_EX):
        if time.monotonic() > give_up_at:
            raise Timeout("")
        time.sleep(_POLL_S)


def _locks(descriptor: int, kind: int) -> bool:
    """Locks an open file or directory; returns False where another has locked it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _ONLY_FILES:
            raise
    return True
