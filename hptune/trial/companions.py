"""The tasks of a trial beside its master, as processes of the same machine.

As on the service the trial is over when its master is: workers and an evaluator, which end by themselves as
a rule, are waited for a moment, and parameter servers, which never do, are stopped. A task that fails is
started again a few times; then the trial fails.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from hptune.job.replicas import Role
from hptune.trial.spec import TrialSpec
from hptune.trial.strays import record_group
from hptune.trial.task_output import TaskOutput
from hptune.trial.tasks import Task
from hptune.trial.trainer import StartTrainer, Trainer, signal_group
from hptune.trial.workspace import Workspace

MAX_RESTARTS = 3
"""How often a task beside the master is started again, as often as the service did before it gave up."""

# What a task that ends by itself needs for it once the master has ended.
_PATIENCE_S = {Role.WORKER: 2.0, Role.EVALUATOR: 30.0, Role.PS: 0.0}
# Less than whoever stops the trial waits beyond the grace of its master.
_GRACE_S = 1.0
_POLL_S = 0.05
_PIPE_BYTES = 1024 * 1024
# As the system, Python and TensorFlow say it.
_PORT_TAKEN = re.compile(
    rb"address (is )?already in use|could not start grpc server|errno 98\b", re.IGNORECASE
)

Take = Callable[[Task, bytes], None]
"""Takes what a task printed: whole lines."""


@dataclass
class _Companion:
    spec: TrialSpec
    workspace: Workspace
    output: TaskOutput
    process: Trainer | None = None
    restarts: int = 0

    @property
    def task(self) -> Task:
        return self.spec.task


@dataclass(frozen=True)
class Failure:
    """A task that ended the trial.

    Attributes:
        task: The task.
        exit_code: Its exit code; minus the signal's number where one ended it.
        starts: How often it was started.
        printed: The last that it printed.
        port_taken: Whether somebody else had taken its port before it came to listen there.
    """

    task: Task
    exit_code: int
    starts: int
    printed: bytes
    port_taken: bool = False


class Companions:
    """Runs the tasks beside a master; there may be none.

    Args:
        tasks: The trial as each of them has it, and how it is started.
        start: Starts a task's process.
        lock: The trial's lock.
        take: Is given what each task prints, a line at a time.

    Attributes:
        failure: The task that ended the trial; None while none has.
        groups: The process groups of every task that is not measured, those that have ended too.
    """

    def __init__(
        self,
        tasks: Sequence[tuple[TrialSpec, Workspace]],
        start: StartTrainer,
        lock: IO[str],
        take: Take,
    ) -> None:
        self._start_trainer = start
        self._lock = lock
        self._take = take
        self._all = [_Companion(spec, workspace, TaskOutput(spec.task.name)) for spec, workspace in tasks]
        self._selector = selectors.DefaultSelector()
        self.failure: Failure | None = None
        self.groups: set[int] = set()

    def start(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Starts all of them.

        Args:
            given_up: Whether they are not wanted any more.

        Raises:
            OSError: One cannot be started; those before it run.
            Interrupted: They were given up.
        """
        for each in self._all:
            self._start(each, given_up)

    def fileno(self) -> int:
        """Returns a descriptor that can be read when one of them has printed something."""
        return self._selector.fileno()

    @property
    def measured_groups(self) -> set[int]:
        """The process groups of those that are measured and run."""
        return {each.process.pid for each in self._all if each.process and each.task.is_measured}

    @property
    def running(self) -> set[int]:
        """The processes of those that run, or have ended without having been tended to."""
        return {each.process.pid for each in self._all if each.process}

    @property
    def note(self) -> str:
        """Says which of them failed and were started again; empty where none was."""
        again = [(each.task.name, each.restarts) for each in self._all if each.restarts]
        return ", ".join(f"{name} failed and was started again ({count})" for name, count in again)

    def explained(self, fault: str) -> str:
        """Adds to what is wrong with the trial what is known of these tasks; empty where nothing is wrong."""
        if self.failure:
            started = f", at the last of {self.failure.starts} starts" if self.failure.starts > 1 else ""
            return f"its {self.failure.task.name}{started}: {fault}"
        return f"{fault}; before that {self.note}" if fault and self.note else fault

    def pass_on(self, *_: object) -> bool:
        """Passes on what they have printed; returns that more may come."""
        for key, _events in self._selector.select(0):
            each: _Companion = key.data
            data = os.read(key.fd, _PIPE_BYTES)
            self._print(each, each.output.lines(data))
            if not data:
                self._selector.unregister(key.fd)
        return True

    def tend(self) -> None:
        """Starts those again that have failed, unless that was done often enough."""
        for each in self._all:
            if each.process is None or (code := each.process.poll()) is None:
                continue
            self._end(each)
            if code == 0 or self.failure:
                continue
            port_taken = each.restarts == 0 and is_port_taken(code, each.output.last)
            if port_taken or each.restarts == MAX_RESTARTS:
                last = each.output.last
                self.failure = Failure(each.task, code, each.restarts + 1, last, port_taken)
                continue
            each.restarts += 1
            again = f"is started again ({each.restarts} of {MAX_RESTARTS})"
            ended = f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"
            self._print(each, [f"hptune: {each.task.name} {ended} and {again}".encode()])
            self._start(each)

    def finish(self) -> None:
        """Waits a moment for those that end by themselves, now that the master has ended well."""
        since = time.monotonic()
        while any(self._is_waited_for(each, time.monotonic() - since) for each in self._all):
            self._selector.select(_POLL_S)
            self.pass_on()

    @staticmethod
    def _is_waited_for(each: _Companion, waited_s: float) -> bool:
        runs = each.process is not None and each.process.poll() is None
        return runs and waited_s < _PATIENCE_S[each.task.role]

    def ask_to_stop(self) -> None:
        """Tells all to stop but the parameter servers, which a master needs that saves its state first."""
        for each in self._all:
            if each.task.role is not Role.PS:
                self._signal(each, signal.SIGTERM)

    def stop(self) -> None:
        """Ends those that run, politely first, and whatever they left running; passes on their last words."""
        for each in self._all:
            self._signal(each, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_S
        while self._running() and time.monotonic() < deadline:
            self._selector.select(_POLL_S)
            self.pass_on()
        for each in self._all:
            if each.process is not None:
                signal_group(each.process.pid, signal.SIGKILL)
                each.process.wait()
                self._end(each)
        self._selector.close()

    def _running(self) -> bool:
        return any(each.process and each.process.poll() is None for each in self._all)

    def _signal(self, each: _Companion, number: signal.Signals) -> None:
        if each.process is not None and each.process.poll() is None:
            signal_group(each.process.pid, number)

    def _start(self, each: _Companion, given_up: Callable[[], bool] = lambda: False) -> None:
        each.process = process = self._start_trainer(each.workspace, self._lock, given_up)
        with each.spec.directory.trainer_pid.open("w", encoding="ascii") as file:
            record_group(file, process.pid)
        if not each.task.is_measured:
            self.groups.add(process.pid)
        self._selector.register(process.output, selectors.EVENT_READ, each)

    def _end(self, each: _Companion) -> None:
        """Lets go of a process that has ended, and passes on what it left in its pipe."""
        process = each.process
        if process is None:
            return
        # What it started must not run on beside its successor, nor hold the pipe open.
        signal_group(process.pid, signal.SIGKILL)
        os.set_blocking(process.output, False)
        with suppress(BlockingIOError):
            while data := os.read(process.output, _PIPE_BYTES):
                self._print(each, each.output.lines(data))
        self._print(each, each.output.rest())
        with suppress(KeyError):
            self._selector.unregister(process.output)
        process.close()
        each.spec.directory.trainer_pid.write_text("", encoding="ascii")
        each.process = None

    def _print(self, each: _Companion, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._take(each.task, line)


def is_port_taken(exit_code: int, printed: bytes) -> bool:
    """Returns whether a task failed because somebody else listens at its port."""
    return exit_code > 0 and _PORT_TAKEN.search(printed) is not None
