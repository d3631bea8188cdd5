"""The processes of a job, whoever is their parent, told apart by what they are for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "HPTUNE_RELIABILITY_MARK"
"""The environment variable that every process of a job inherits."""

_POLL_S = 0.02


@dataclass(frozen=True)
class Process:
    """A process that runs.

    Attributes:
        pid: Its number.
        parent: That of its parent.
        session: That of the process that began its session.
        command: Its command line, or that of the process which it was forked from.
    """

    pid: int
    parent: int
    session: int
    command: tuple[str, ...]

    def kill(self) -> bool:
        """Kills it; returns whether it was there."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def marked(mark: str) -> list[Process]:
    """Returns the processes whose environment has the mark; zombies have none."""
    wanted = f"{MARK}={mark}\0".encode()
    found = (_read(path) for path in Path("/proc").glob("[0-9]*"))
    return [process for environment, process in filter(None, found) if wanted in environment]


def _read(folder: Path) -> tuple[bytes, Process] | None:
    with suppress(OSError):
        environment = (folder / "environ").read_bytes()
        # The name in brackets may hold anything.
        status = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        parent, session = int(status[1]), int(status[3])
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        return environment, Process(int(folder.name), parent, session, tuple(words))
    return None


class Family:
    """A job's processes by their roles.

    The nursery forks supervisors; the zygote forks keepers, which fork trainers. A forked process has the
    command line of the one that it was forked from.

    Args:
        processes: All of the job.
        hptune: The number of the process that runs it.
    """

    def __init__(self, processes: Sequence[Process], hptune: int) -> None:
        self._processes = processes
        self._hptune = hptune

    @property
    def zygotes(self) -> list[Process]:
        """What trainers are forked from."""
        return [each for each in self._of("zygote.py") if each.parent == self._hptune]

    @property
    def supervisors(self) -> list[Process]:
        """What runs a trial each, forked or started."""
        forked = [each for each in self._of("hptune.trial.nursery") if each.parent != self._hptune]
        return [*forked, *self._of("hptune.trial")]

    @property
    def trainers(self) -> list[Process]:
        """The trainers, forked or started."""
        # A keeper leads its session; its trainer is in it.
        forked = [each for each in self._of("zygote.py") if each.session != each.pid]
        supervisors = {each.pid for each in self.supervisors}
        return [*forked, *(each for each in self._processes if each.parent in supervisors)]

    @property
    def installers(self) -> list[Process]:
        """What makes an environment: pip, venv, and what makes venv's pip."""
        return [*self._of("pip"), *self._of("venv"), *self._of("ensurepip")]

    def _of(self, word: str) -> list[Process]:
        return [each for each in self._processes if any(_is_program(part, word) for part in each.command)]


def _is_program(part: str, word: str) -> bool:
    return part == word or part.endswith(f"/{word}")


def wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Waits for a condition; returns whether it came."""
    give_up_at = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_POLL_S)
    return True


def ended_by_force(mark: str) -> Iterator[Process]:
    """Kills what is left of a job; yields each process."""
    while left := marked(mark):
        for process in left:
            if process.kill():
                yield process
        time.sleep(_POLL_S)
