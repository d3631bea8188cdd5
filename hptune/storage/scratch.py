"""Temporary directories whose names are short, and of which a killed owner's is removed by the next."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_PREFIX = "hptune-"
_DIGITS = 16


@contextmanager
def scratch(owner: Path) -> Iterator[Path]:
    """Makes an empty directory below TMPDIR, and removes it afterwards.

    Args:
        owner: The directory that it belongs to, which gives it its name, and which the caller has to itself.

    Raises:
        OSError: It cannot be made.
    """
    path = _path(owner)
    _remove(path)
    with ExitStack() as stack:
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            # Another user's: nobody but us may be able to say what is in it.
            other = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
            path = Path(stack.enter_context(other))
        else:
            stack.callback(_remove, path)
        yield path


def clear(owner: Path) -> None:
    """Removes what `scratch` made for an owner, and who was killed could not remove; there may be none."""
    with suppress(OSError):
        _remove(_path(owner))


def _remove(path: Path) -> None:
    with suppress(OSError):
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            shutil.rmtree(path, ignore_errors=True)


def _path(owner: Path) -> Path:
    # Not by its name alone: containers that share a TMPDIR may call different directories the same.
    found = owner.stat()
    identity = f"{found.st_dev}:{found.st_ino}:{owner.resolve()}"
    digest = hashlib.sha256(os.fsencode(identity)).hexdigest()[:_DIGITS]
    return Path(tempfile.gettempdir(), f"{_PREFIX}{digest}")
