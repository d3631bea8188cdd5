"""A trainer's process, however it was started."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Protocol, Self, cast

from hptune.runtimes.processes import die_with_parent
from hptune.trial.workspace import Workspace

GRACE_S = 10.0
"""What a trainer is given to end by itself before it is killed."""


_PIPE_BYTES = 1024 * 1024


def widen(pipe: int) -> None:
    """Lets a trainer print a megabyte before it waits for whoever reads it; Linux only."""
    if sys.platform == "linux":
        # The system may allow a user no more of them.
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


class TrainerTimeout(Exception):
    """The trainer still runs."""


class Trainer(ABC):
    """A trainer that was started; a context manager that lets go of it.

    Attributes:
        pid: Its process, which leads a group of its own: stopping that reaches what it starts.
        output: Descriptor to read what it prints from, both of its streams.
        ending: Descriptor that can be read from once it has ended; None where the system has none.
    """

    pid: int
    output: int
    ending: int | None

    @abstractmethod
    def poll(self) -> int | None:
        """Returns its exit code, minus the signal's number where one ended it; None while it runs."""

    @abstractmethod
    def wait(self, timeout_s: float | None = None) -> int:
        """Waits for its end; returns what `poll` does then.

        Raises:
            TrainerTimeout: It still runs after ``timeout_s``.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets go of what belongs to it, once it has ended."""

    def stop(self) -> None:
        """Ends the trainer, politely first, and whatever it left running."""
        if self.poll() is None:
            signal_group(self.pid, signal.SIGTERM)
            with suppress(TrainerTimeout):
                self.wait(GRACE_S)
        signal_group(self.pid, signal.SIGKILL)
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class StartTrainer(Protocol):
    """Starts a trainer's process."""

    def __call__(self, workspace: Workspace, lock: IO[str], given_up: Callable[[], bool] = ..., /) -> Trainer:
        """Starts it.

        Args:
            workspace: What to start, and where.
            lock: The trial's lock; what may outlive this process for a moment holds it too.
            given_up: Whether the trainer is not wanted any more; asked where starting takes its time.

        Raises:
            OSError: It cannot be started.
            Interrupted: It was given up.
        """


def spawn(workspace: Workspace, lock: IO[str], given_up: Callable[[], bool] = lambda: False, /) -> Trainer:
    """Starts a trainer as a new program. See `StartTrainer`."""
    del lock, given_up
    return _Spawned(workspace)


class _Spawned(Trainer):
    def __init__(self, workspace: Workspace) -> None:
        self._process = subprocess.Popen(
            workspace.argv,
            env=workspace.environment,
            cwd=workspace.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            # Safe: this process has one thread.
            preexec_fn=die_with_parent(),
        )
        self.pid = self._process.pid
        self.output = cast(IO[bytes], self._process.stdout).fileno()
        widen(self.output)
        self.ending = os.pidfd_open(self.pid) if sys.platform == "linux" else None

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TrainerTimeout from None

    def close(self) -> None:
        cast(IO[bytes], self._process.stdout).close()
        if self.ending is not None:
            os.close(self.ending)


def signal_group(group: int, number: signal.Signals) -> None:
    """Signals a process group that may be gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
