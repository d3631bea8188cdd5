"""The processes of a job, whoever is their parent, told apart by what they are for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from hptune.runtimes.processes import Process, all_processes

MARK = "HPTUNE_RELIABILITY_MARK"
"""The environment variable that every process of a job inherits."""

_POLL_S = 0.02


def marked(mark: str) -> list[Process]:
    """Returns the processes whose environment has the mark; those that have ended have none."""
    name, value = MARK.encode(), mark.encode()
    return [process for process in all_processes() if process.environment().get(name) == value]


def command_of(process: Process) -> list[str]:
    """Returns its command line, or that of the process which it was forked from; empty once it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    return []


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
        return [each for each in self._processes if any(_is_program(part, word) for part in command_of(each))]


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
