"""What is made once for all jobs of a user: directories that are whole or not there."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str], None]
"""Is told, in a line, what is being done and how long it may take."""

_COMPLETE = ".complete"


def runtimes_directory() -> Path:
    """Returns where managed environments are kept: hptune/runtimes in ``$XDG_CACHE_HOME``, or in ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home if home and Path(home).is_absolute() else Path.home() / ".cache") / "hptune" / "runtimes"


def is_complete(directory: Path) -> bool:
    """Returns whether a directory was made to its end."""
    return (directory / _COMPLETE).is_file()


def make_once(directory: Path, make: Callable[[Path], None], progress: Progress) -> None:
    """Makes a directory unless it is there, whole; what a process that was killed left is made again.

    It has its name from the start, for the scripts of a virtual environment hold it; a file in it says that
    it is complete. Of two processes one makes it while the other waits.

    Args:
        directory: What to make.
        make: Fills it; it does not exist when this is called. What it raises is passed on. Programs that it
            starts are started by `hptune.runtimes.pip.started`, so that they hold the lock.
        progress: Is told where another process is waited for.
    """
    if is_complete(directory):
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w", encoding="ascii") as lock:
        _wait_for(lock.fileno(), directory, progress)
        # What is started to fill the directory, and may outlive this process for a moment, holds it too.
        os.set_inheritable(lock.fileno(), True)
        if is_complete(directory):
            return
        shutil.rmtree(directory, ignore_errors=True)
        make(directory)
        (directory / _COMPLETE).touch()


def _wait_for(descriptor: int, directory: Path, progress: Progress) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress(f"waits for another process that makes {directory}")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
