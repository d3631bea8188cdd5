"""One trial as a process of this machine: ``python -m hptune.trial``, which runs the trainer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, Protocol

from hptune.backends.local.slots import Slot
from hptune.errors import JobDirError
from hptune.storage.foreign import make_way
from hptune.storage.full_disk import EXIT_CODE
from hptune.storage.scratch import clear
from hptune.trial.container import remove_containers
from hptune.trial.document import LOCAL_COMMAND, local_arguments
from hptune.trial.metrics.curve import CurveReader
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TrialSpec
from hptune.trial.strays import end_strays
from hptune.trial.supervise import prepare
from hptune.trial.trainer import GRACE_S


class Process(Protocol):
    """The process that runs a trial, however it was started; like `subprocess.Popen`."""

    @property
    def ending(self) -> int | None:
        """Descriptor that can be read from once it has ended; None where the system has none."""

    def poll(self) -> int | None:
        """Returns its exit code, minus the signal's number where one ended it; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end; returns what `poll` does then.

        Raises:
            subprocess.TimeoutExpired: It still runs after ``timeout`` seconds.
        """

    def send_signal(self, number: int) -> None:
        """Signals it, unless it has ended."""

    def close(self) -> None:
        """Lets go of what belongs to it, once it has ended."""


class StartProcess(Protocol):
    """Starts the process that runs a trial."""

    def __call__(self, spec: TrialSpec, slot: Slot, standard_input: int, log: IO[bytes], /) -> Process:
        """Starts it.

        Args:
            spec: The trial.
            slot: Its share of the machine.
            standard_input: Descriptor of what the trial stops with when it closes.
            log: What the trainer prints goes there.
        """


def spawn_trial(spec: TrialSpec, slot: Slot, standard_input: int, log: IO[bytes], /) -> Process:
    """Starts it as a new program. See `StartProcess`."""
    return spawn_program(local_arguments(spec), slot, standard_input, log)


def spawn_program(
    arguments: Sequence[str], slot: Slot, standard_input: int, log: IO[bytes], held: Sequence[int] = ()
) -> Process:
    """Starts the program that runs a trial.

    Args:
        arguments: The program's.
        slot: The trial's share of the machine.
        standard_input: Descriptor of its standard input.
        log: What it prints goes there.
        held: Descriptors that it inherits besides.
    """
    process = _Program(
        [*LOCAL_COMMAND, *arguments],
        env=slot.environment(os.environ),
        stdin=standard_input,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=held,
        # Ctrl-C in the terminal is for hptune, which stops its trials in order.
        start_new_session=True,
    )
    with suppress(ProcessLookupError):
        slot.pin(process.pid)
    return process


class _Program(subprocess.Popen[bytes]):
    """A program of its own."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:  # noqa: ANN401  (Popen's own)
        super().__init__(command, **options)
        # At once: when it has been waited for, its number may be another's.
        self.ending = os.pidfd_open(self.pid) if sys.platform == "linux" else None

    def close(self) -> None:
        if self.ending is not None:
            os.close(self.ending)


class TrialProcess:
    """A running trial.

    Attributes:
        spec: The trial.
        curve: Follows its measurements.
    """

    def __init__(self, spec: TrialSpec, slot: Slot, start: StartProcess = spawn_trial) -> None:
        self.spec = spec
        prepare(spec)
        self.curve = CurveReader(spec.directory.measurements)
        # Held open, and never written to: it closes when this process dies, however it dies.
        standard_input, held_open = os.pipe()
        self._held_open = os.fdopen(held_open, "wb")
        make_way(spec.directory.log)
        with os.fdopen(standard_input, "rb"), spec.directory.log.open("ab") as log:
            self._process = start(spec, slot, standard_input, log)

    @property
    def ending(self) -> int | None:
        """Descriptor that can be read from once the process is gone; None where the system has none."""
        return self._process.ending

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    @property
    def killed(self) -> bool:
        """Whether somebody else ended the process."""
        return (self._process.poll() or 0) < 0

    @property
    def lacked_room(self) -> bool:
        """Whether the process could not write its own files for want of room."""
        return self._process.poll() == EXIT_CODE

    def outcome(self) -> Outcome | None:
        """Returns how the trainer ended; None where the process died before it could say."""
        try:
            return Outcome.load(self.spec.directory.outcome)
        except JobDirError:
            # Written by the trainer itself: what ran it would have replaced it.
            return None

    def ask_to_stop(self) -> None:
        """Tells the trainer to end; `wait_stopped` sees to it that it does."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def wait_stopped(self) -> None:
        """Waits for a process that was asked to stop, and kills it when it does not."""
        try:
            # The process gives its trainer a grace period of its own first.
            self._process.wait(GRACE_S + 2.0)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
        self.clean_up()

    def clean_up(self) -> None:
        """Ends what a process that was killed may have left running."""
        self._process.wait()
        self._process.close()
        self._held_open.close()
        if self.killed:
            end_strays(self.spec.directory)
            remove_containers(self.spec)
            for directory in self.spec.directory.with_tasks:
                clear(directory.state)
