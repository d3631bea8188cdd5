"""A disk that is full: what was written before is whole, and once there is room the same command goes on."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hptune.errors import StorageError

EXIT_CODE = os.EX_IOERR
"""Of a trial's program whose own files could not be written for want of room."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
# Whatever is to be written finds no room in less.
_NEXT_TO_NOTHING_BYTES = 64 * 1024


def is_full(error: OSError) -> bool:
    """Returns whether a file could not be written for want of room, or of what a user may take of it."""
    return error.errno in _FULL


def full_disk(place: Path) -> OSError:
    """Makes the error of a disk that another program found full."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Names a file in errors of the block that do not say which it is, as those of writing do not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def full_disk_told(place: Path) -> Iterator[None]:
    """Says of a full disk which it is and what to do.

    Args:
        place: The directory of what the block does, which a later run goes on with.

    Raises:
        StorageError: A disk is full.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        file = error.filename2 or error.filename
        cannot_write = f", so {file} cannot be written" if file else ""
        full = _full_one(place, Path(tempfile.gettempdir()))
        raise StorageError(
            f"the disk of {full} is full ({error.strerror}){cannot_write}; make room there, then the same "
            f"command takes it up: what has ended is kept"
        ) from error


def _full_one(*places: Path) -> Path:
    """Returns the first of these places that has no room; the first where that cannot be told any more."""
    for place in places:
        # It may be the directory itself that there was no room for.
        status = os.statvfs(next(each for each in (place, *place.absolute().parents) if each.exists()))
        # Some file systems do not count files, and say that there are none.
        no_files = status.f_files > 0 and status.f_favail == 0
        if status.f_bavail * status.f_frsize < _NEXT_TO_NOTHING_BYTES or no_files:
            return place
    return places[0]
