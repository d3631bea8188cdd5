"""Processes of this machine, as Linux tells of them: whose they are, and how what is left of them is ended.

Elsewhere nothing is known of them, and nothing is done.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")
_POLL_S = 0.02
# What the kernel needs to end a process that it was told to kill, were its disk or network slow.
_KILL_S = 10.0
_ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT if sys.platform == "linux" else 0


@dataclass(frozen=True)
class Process:
    """What tells a process from all others, those of its number before and after it too.

    Attributes:
        pid: Its number.
        parent: Its parent's number.
        group: Its process group.
        session: Its session.
        started: When it started, in the kernel's ticks since the machine did; no clock's steps change it.
        is_zombie: Whether it has ended and nobody has asked how.
    """

    pid: int
    parent: int
    group: int
    session: int
    started: int
    is_zombie: bool = False

    @classmethod
    def read(cls, pid: int) -> Process | None:
        """Reads what the kernel says of a process; None where there is none."""
        try:
            text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # A program may have any name.
        state, *fields = text.rpartition(")")[2].split()
        parent, group, session = map(int, fields[:3])
        return cls(pid, parent, group, session, int(fields[18]), state in "ZX")

    def environment(self) -> dict[bytes, bytes]:
        """Returns the variables that its program was started with; none where we may not know."""
        try:
            entries = (_PROC / str(self.pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return {}
        return {name: value for name, _, value in (entry.partition(b"=") for entry in entries)}

    def is_there(self) -> bool:
        """Returns whether it still runs."""
        now = Process.read(self.pid)
        return now is not None and now.started == self.started and not now.is_zombie

    def kill(self) -> None:
        """Kills it, and no other that has its number by now; one that may not be killed stays."""
        with suppress(ProcessLookupError, PermissionError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.is_there():
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)


def all_processes() -> Iterator[Process]:
    """Yields the processes of this machine."""
    if not _PROC.is_dir():
        return
    for name in os.listdir(_PROC):  # noqa: PTH208  (thousands of names, one in fifty of them a directory)
        if name.isdigit() and (process := Process.read(int(name))):
            yield process


def own_line() -> set[int]:
    """Returns the numbers of this process, its parent, that one's, and so on."""
    line: set[int] = set()
    pid = os.getpid()
    while pid not in line and (process := Process.read(pid)):
        line.add(pid)
        pid = process.parent
    return line


def kill_all(find: Callable[[], Collection[Process]]) -> None:
    """Kills what is found until nothing is found any more, or it cannot be killed."""
    deadline = time.monotonic() + _KILL_S
    while (found := find()) and time.monotonic() < deadline:
        for each in found:
            each.kill()
        time.sleep(_POLL_S)


def die_with_parent() -> Callable[[], None] | None:
    """Makes what has the kernel kill a new process when this one is killed, to be run there; Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def set_death_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # It was killed a moment before.
            os.kill(os.getpid(), signal.SIGKILL)

    return set_death_signal


def adopt_orphans() -> None:
    """Has what descendants of this process leave running become its own children; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def reap_orphans(known: Collection[int]) -> None:
    """Lets go of children that have ended, but for those that somebody waits for.

    Args:
        known: Process ids of the latter.
    """
    if sys.platform != "linux":
        return
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, _ENDED)) and ended.si_pid not in known:
            os.waitpid(ended.si_pid, 0)


def end_children(spared: Collection[int] = (), grace_s: float = 0.0) -> None:
    """Ends this process' children and theirs, those that `adopt_orphans` has brought too; Linux only.

    Args:
        spared: Process ids of children that are left alone.
        grace_s: What they are given to end by themselves, in seconds, once they are told to.
    """
    if sys.platform != "linux":
        return
    if grace_s and (left := _descendants(spared)):
        for each in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(each.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while _descendants(spared) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
    kill_all(lambda: _descendants(spared))


def _descendants(spared: Collection[int]) -> list[Process]:
    """Returns this process' children and theirs that run; what has ended is let go of."""
    reap_orphans(spared)
    if not _has_children():
        return []
    children: dict[int, list[Process]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found, left = [], [os.getpid()]
    while left:
        of_one = [each for each in children.get(left.pop(), []) if each.pid not in spared]
        left += [each.pid for each in of_one]
        found += [each for each in of_one if not each.is_zombie]
    return found


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, _ENDED)
    except ChildProcessError:
        return False
    return True
