"""A trial's process, forked by one that has imported what it needs, `hptune.trial.nursery`."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from hptune.backends.local.slots import Slot
from hptune.trial.document import NURSERY_COMMAND

# As long as the answer of a process that is there may take on a busy machine, if it comes at all.
_ANSWER_S = 60.0
_STATUS_S = 5.0


class Nursery:
    """The process that forks trials' processes.

    Args:
        log: What it prints, where something goes wrong, goes there.
    """

    def __init__(self, log: Path) -> None:
        self._control, theirs = socket.socketpair()
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                [*NURSERY_COMMAND, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def fork(
        self, arguments: Sequence[str], slot: Slot, standard_input: int, log: IO[bytes], held: Sequence[int]
    ) -> ForkedProcess:
        """Has the program that runs a trial forked. See `hptune.backends.local.process.spawn_program`.

        Raises:
            OSError: The process that forks is gone.
        """
        ours, theirs = socket.socketpair()
        cores = sorted(os.sched_getaffinity(0)) if slot.whole else list(slot.cores)
        order = {"arguments": arguments, "environment": _environment(slot), "cores": cores}
        with theirs:
            socket.send_fds(self._control, [b"\0"], [theirs.fileno()])
        ours.settimeout(_ANSWER_S)
        socket.send_fds(ours, [b"\0"], [standard_input, log.fileno(), *held])
        ours.sendall(json.dumps(order).encode("ascii") + b"\n")
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        if not descriptors:
            raise ConnectionError("it has ended")
        return ForkedProcess(descriptors[0], ours)

    def close(self) -> None:
        """Ends it; no trial runs any more."""
        self._control.close()
        self._process.kill()
        self._process.wait()


def _environment(slot: Slot) -> Mapping[str, str]:
    return slot.environment(os.environ)


class ForkedProcess:
    """A process of another's, known by a descriptor, so that it is told from a later one of its number.

    Args:
        process: Descriptor of the process.
        connection: Says how it ended.

    Attributes:
        ending: Descriptor that can be read from once it has ended.
    """

    def __init__(self, process: int, connection: socket.socket) -> None:
        self.ending: int | None = process
        self._process = os.fdopen(process, "rb", buffering=0)
        self._connection = connection
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        """Returns its exit code, minus the signal's number where one ended it; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. See `hptune.backends.local.process.Process`."""
        if self._exit_code is None:
            if not select.select([self._process], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("trial", timeout or 0.0)
            self._exit_code = self._told()
        return self._exit_code

    def close(self) -> None:
        """Lets go of what belongs to it."""
        self._process.close()
        self._connection.close()

    def _told(self) -> int:
        """Reads how it ended; who forked it may have been killed, and then nobody knows."""
        self._connection.settimeout(_STATUS_S)
        with suppress(OSError), self._connection.makefile("rb") as lines:
            return int(json.loads(lines.readline() or b"{}").get("exitCode", -signal.SIGKILL))
        return -signal.SIGKILL

    def send_signal(self, number: int) -> None:
        """Signals it, unless it has ended."""
        if self._exit_code is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process.fileno(), number)
