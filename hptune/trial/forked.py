"""A trainer that is forked by a process that has imported what it needs, `runtimes/zygote.py`."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any

from hptune.console.program import say
from hptune.errors import Interrupted
from hptune.runtimes import ZYGOTE
from hptune.trial.trainer import StartTrainer, Trainer, TrainerTimeout, spawn, widen
from hptune.trial.workspace import Workspace

_POLL_S = 0.2
_GONE = f"{ZYGOTE.name} has ended"


def fork_or_spawn(connections: Sequence[socket.socket]) -> StartTrainer:
    """Makes what has a trainer forked and, where that is refused, says why and starts a new program.

    Args:
        connections: To keepers of the zygote's, one for each task of the trial.
    """
    left = list(connections)

    def start(
        workspace: Workspace, lock: IO[str], given_up: Callable[[], bool] = lambda: False, /
    ) -> Trainer:
        if not left:
            # It was started before, and is started again.
            return spawn(workspace, lock, given_up)
        connection = left.pop(0)
        lines = _Lines(connection)
        # Where it has ended, so has what it could answer.
        with suppress(ConnectionError):
            _order(connection, workspace, lock, lines)
        answer = _answer(lines, given_up)
        if "pid" in answer:
            return _Forked(answer["pid"], lines.output, lines)
        os.close(lines.output)
        if "error" in answer:
            raise OSError(*answer["error"])
        connection.close()
        say(f"starts a new interpreter for this trial: {answer.get('refused', _GONE)}")
        return spawn(workspace, lock, given_up)

    return start


class _Lines:
    """Objects of JSON, one a line, from a connection.

    Attributes:
        output: Descriptor to read the trainer's output from.
    """

    output: int

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._data = b""
        self._ended = False

    def next(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Returns the next object, an empty one at the end; None where there is none within ``timeout_s``."""
        deadline = time.monotonic() + (float("inf") if timeout_s is None else timeout_s)
        while b"\n" not in self._data and not self._ended:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.connection], [], [], None if timeout_s is None else left)[0]:
                return None
            self._receive()
        line, _, self._data = self._data.partition(b"\n")
        message: dict[str, Any] = json.loads(line or b"{}")
        return message

    def _receive(self) -> None:
        try:
            data = self.connection.recv(4096)
        except ConnectionError:
            data = b""
        self._data += data
        self._ended = not data


def _order(connection: socket.socket, workspace: Workspace, lock: IO[str], lines: _Lines) -> None:
    lines.output, output = os.pipe()
    widen(lines.output)
    order = {
        "argv": workspace.argv,
        "environment": workspace.environment,
        "directory": str(workspace.directory),
        "cores": sorted(os.sched_getaffinity(0)),
    }
    try:
        socket.send_fds(connection, [b"\0"], [output, lock.fileno()])
        connection.sendall(json.dumps(order).encode("ascii") + b"\n")
    finally:
        os.close(output)


def _answer(lines: _Lines, given_up: Callable[[], bool]) -> dict[str, Any]:
    """Waits for the answer, which comes once the zygote has imported everything."""
    while (answer := lines.next(_POLL_S)) is None:
        if given_up():
            raise Interrupted("the trial was stopped before it began")
    return answer


class _Forked(Trainer):
    def __init__(self, pid: int, output: int, lines: _Lines) -> None:
        self.pid = pid
        self.output = output
        # Nothing else is told.
        self.ending = lines.connection.fileno()
        self._lines = lines
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        try:
            return self.wait(0.0)
        except TrainerTimeout:
            return None

    def wait(self, timeout_s: float | None = None) -> int:
        if self._exit_code is None:
            answer = self._lines.next(timeout_s)
            if answer is None:
                raise TrainerTimeout
            # Without an answer the keeper was killed, and the kernel then kills the trainer.
            self._exit_code = int(answer.get("exitCode", -signal.SIGKILL))
        return self._exit_code

    def close(self) -> None:
        os.close(self.output)
        self._lines.connection.close()
