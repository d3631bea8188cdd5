"""Forks the program that runs one trial: ``python -m hptune.trial.nursery DESCRIPTOR``.

It has imported once what that program needs, which takes most of its start, and nothing of a trainer's.

DESCRIPTOR is a socket to whoever starts trials. Over it comes, for each trial, a socket of its own, and over
that: the descriptors of the program's standard input, of its log and of what else it is to hold, then an
object of JSON on a line, ``{"arguments", "environment", "cores"}``. The answer is a line with the program's
process as a descriptor, which outlives this one, and when the program has ended ``{"exitCode": 0}``.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hptune.console.program import run_command
from hptune.runtimes.processes import adopt_orphans, end_children
from hptune.trial.__main__ import main

MAX_DESCRIPTORS = 253
"""As many as Linux passes on at once: a program's own, and one for each task of its trial."""


@dataclass(frozen=True)
class _Child:
    pid: int
    connection: socket.socket

    def end(self, others: Mapping[int, _Child]) -> None:
        """Ends what it left where it was killed, and tells how it ended, if somebody still listens."""
        exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if exit_code:
            # One that succeeded has done so itself, and a machine may have thousands of processes to look at.
            end_children({each.pid for each in others.values()})
        with self.connection:
            _send(self.connection, {"exitCode": exit_code})


def serve(control: socket.socket) -> None:
    """Forks a program for each that asks; returns in the new process alone, its arguments in ``sys.argv``."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    adopt_orphans()
    while selector.get_map():
        for key, _ in selector.select():
            if isinstance(key.data, _Child):
                selector.unregister(key.fd)
                os.close(key.fd)
                key.data.end(_children(selector))
                continue
            data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not data:
                # Who starts trials is gone. These see that too, and end; what they leave is ended here.
                selector.unregister(control)
                control.close()
                continue
            connection = socket.socket(fileno=descriptors[0])
            order = _receive(connection)
            if order is None:
                # Who starts trials was killed before it could say which.
                connection.close()
                continue
            child = _fork(order, connection)
            if child is None:
                control.close()
                _forget(selector)
                return
            selector.register(_process_of(child), selectors.EVENT_READ, child)
    sys.exit()


def _children(selector: selectors.BaseSelector) -> dict[int, _Child]:
    """Returns the programs that run, by the descriptors of their processes."""
    return {key.fd: key.data for key in selector.get_map().values() if isinstance(key.data, _Child)}


def _forget(selector: selectors.BaseSelector) -> None:
    """Closes what belongs to other trials."""
    children = _children(selector)
    selector.close()
    for process, child in children.items():
        os.close(process)
        child.connection.close()


@dataclass(frozen=True)
class _Order:
    program: dict[str, Any]
    descriptors: list[int]


def _receive(connection: socket.socket) -> _Order | None:
    """Reads what program is asked for; None where who asks was killed before it had said so."""
    with suppress(ConnectionError):
        _, descriptors, _, _ = socket.recv_fds(connection, 1, MAX_DESCRIPTORS)
        with connection.makefile("rb") as lines:
            line = lines.readline()
        if line.endswith(b"\n"):
            return _Order(json.loads(line), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
    return None


def _fork(order: _Order, connection: socket.socket) -> _Child | None:
    """Forks the program that is asked for; None in the new process."""
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(order.program, order.descriptors)
        return None
    for descriptor in order.descriptors:
        os.close(descriptor)
    return _Child(pid, connection)


def _process_of(child: _Child) -> int:
    """Returns a descriptor of the process, which it sends to who asked for it."""
    process = os.pidfd_open(child.pid)
    # Where nobody listens any more, the program sees that by its standard input.
    with suppress(OSError):
        socket.send_fds(child.connection, [b"\n"], [process])
    return process


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):
        connection.sendall(json.dumps(message).encode("ascii") + b"\n")


def _become(order: dict[str, Any], descriptors: list[int]) -> None:
    """Makes this process what a new one would be."""
    # Ctrl-C in the terminal is for hptune, which stops its trials in order.
    os.setsid()
    os.sched_setaffinity(0, order["cores"])
    standard_input, log, *held = descriptors
    for source, target in ((standard_input, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(standard_input)
    os.close(log)
    os.environ.clear()
    os.environ.update(order["environment"])
    options = [f"--fork-from={descriptor}" for descriptor in held]
    sys.argv[1:] = [*options, *order["arguments"]]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        run_command(main, "python -m hptune.trial")
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        # What Python would do yet is to take apart what was imported.
        os._exit(int(end.code or 0))
