"""Imports once what a trainer needs and forks a trainer for each trial: ``PYTHON zygote.py DESCRIPTOR``.

Run as a file, like launch.py: it needs nothing of hptune, and a trainer finds nothing of it.

    hptune --------- zygote
       |                |  forks, for each trial
    supervisor ----- keeper
                        |  forks
                     trainer

The lines across are sockets that were inherited or passed on; nothing listens anywhere. DESCRIPTOR is the
one to hptune: over it comes, for each trial, a socket to its supervisor. When it closes, the zygote ends.
Standard input has an object of JSON, ``{"statements": [...], "differ": [...]}``: what to run beforehand, and
which variables of a trial's environment may differ from the zygote's.

A supervisor sends the descriptors for the trainer's output and of the trial's lock, then an object of JSON
on a line: ``{"argv", "environment", "directory", "cores"}``. The answer is ``{"pid": 7}`` and, when the
trainer has ended, ``{"exitCode": 0}``; or ``{"refused": "why"}``; or ``{"error": [errno, text, file]}``. The
keeper reaps the trainer only when the supervisor has hung up, and ends what is left then: the trainer, its
group, and what has left the group.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import stat
import sys
import tempfile
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_REAP_S = 5.0
_DEVICES = ("/dev/nvidia", "/dev/dri", "/dev/kfd", "/dev/accel")
_prctl = ctypes.CDLL(None).prctl

Descriptors = frozenset[tuple[str, int]]


class Imported:
    """What was imported, and what came of it.

    Attributes:
        changed: Variables that imports have changed; None where they are no more.
        modules: Names of all modules.
        problem: Why no trainer may be forked; empty where one may.
    """

    def __init__(self, statements: Sequence[str], differ: Sequence[str]) -> None:
        self._differ = frozenset(differ)
        self._environment = dict(os.environ)
        self._descriptors = _descriptors()
        self.changed: dict[str, str | None] = {}
        self.problem = self._run(statements)
        self.modules = frozenset(sys.modules)
        # What is there by now is never collected, so that its pages stay shared.
        gc.collect()
        gc.freeze()

    def _run(self, statements: Sequence[str]) -> str:
        names: dict[str, Any] = {"os": os}
        for statement in statements:
            before = dict(os.environ)
            try:
                exec(compile(statement, f"<{statement}>", "exec"), names)  # noqa: S102  (the trainer's own)
            except ModuleNotFoundError:
                # The trainer does without it, or will say so itself.
                continue
            except BaseException as error:
                return f"{statement!r} fails ({type(error).__name__}: {error})"
            if not statement.startswith("os."):
                self.changed |= _difference(before, os.environ)
            if problem := self._left_behind():
                return f"{statement!r} {problem}"
        return ""

    def _left_behind(self) -> str:
        """Says what there is by now that a fork would lack, or share; empty where there is nothing."""
        if _threads() > 1 and _threads_after_fork() > 1:
            return "starts threads"
        if _children():
            return "starts a process"
        if any(Path(os.environ["TMPDIR"]).iterdir()):
            return "keeps files in TMPDIR"
        for target, mode in _descriptors() - self._descriptors:
            if target.startswith(_DEVICES):
                return f"uses {target}"
            if stat.S_ISSOCK(mode):
                return "opens a connection"
        return ""

    def why_not(self, environment: Mapping[str, str]) -> str:
        """Says why a trainer with this environment may not be forked; empty where it may."""
        others = _difference(self._environment, environment).keys() - self._differ
        return self.problem or (f"its environment differs in {', '.join(sorted(others))}" if others else "")


def _threads() -> int:
    return len([*Path("/proc/self/task").iterdir()])


def _threads_after_fork() -> int:
    """Counts the threads that do not end by themselves before a fork, as those of OpenBLAS do."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return _threads()


def _children() -> list[int]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    # Not /proc/self/task/*/children, which a kernel may be without.
    processes = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [process for process in processes if _parent(process) == os.getpid()]


def _parent(process: int) -> int | None:
    with suppress(OSError):
        stat_line = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat_line.rpartition(")")[2].split()[1])
    return None


def _descriptors() -> Descriptors:
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        # That of the listing itself is gone.
        with suppress(OSError):
            found.add((str(path.readlink()), path.stat().st_mode))
    return frozenset(found)


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """Returns variables that are not the same, as they are afterwards; None where they are no more."""
    return {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}


def serve(control: socket.socket) -> tuple[Imported, dict[str, Any]]:
    """Forks a keeper for each who asks; returns in a trainer's process alone, with the order for it."""
    hptune = os.getppid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != hptune:
        sys.exit()
    start = json.load(sys.stdin)
    imported = Imported(start["statements"], start["differ"])
    if imported.problem:
        control.sendall(imported.problem.encode("utf-8", "replace"))
    # What a keeper that is killed leaves comes here.
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    keepers: dict[int, int] = {}
    while True:
        ready = select.select([control.fileno(), *keepers], [], [])[0]
        for ended in keepers.keys() & {*ready}:
            os.waitpid(keepers.pop(ended), 0)
            os.close(ended)
            _end_children(spared={*keepers.values()})
        if control.fileno() not in ready:
            continue
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            os._exit(0)
        keeper = os.fork()
        if keeper == 0:
            control.close()
            for each in keepers:
                os.close(each)
            order = _keep(imported, socket.socket(fileno=descriptors[0]))
            return imported, order
        os.close(descriptors[0])
        keepers[os.pidfd_open(keeper)] = keeper


def _keep(imported: Imported, connection: socket.socket) -> dict[str, Any]:
    """Forks a trainer and keeps it until its end; returns in the trainer's process alone, with the order."""
    try:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
        order: dict[str, Any] | None = _receive(connection)
        if order is None:
            # The supervisor was killed before it could ask.
            os._exit(0)
        output, lock = descriptors
        os.setsid()
        # What leaves the trainer's group comes here when its parent ends.
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        if not _may_start(imported, connection, order):
            os._exit(0)
        keeper = os.getpid()
        trainer = os.fork()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    if trainer == 0:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os.kill(os.getpid(), signal.SIGKILL)
        os.setpgid(0, 0)
        os.close(lock)
        connection.close()
        _redirect(output)
        return order
    try:
        os.setpgid(trainer, trainer)
        os.close(output)
        _send(connection, {"pid": trainer})
        _wait(connection, trainer)
        _end(trainer)
    finally:
        # Were the keeper to fail, the kernel would end the trainer.
        os._exit(0)


def _receive(connection: socket.socket) -> Any:  # noqa: ANN401  (JSON)
    """Reads an object on a line; None where the other end was killed before it was written whole."""
    with suppress(ConnectionError), connection.makefile("rb") as lines:
        line = lines.readline()
        return json.loads(line) if line.endswith(b"\n") else None
    return None


def _send(connection: socket.socket, message: Mapping[str, object]) -> None:
    # Where the supervisor is gone, that is seen when the connection is read.
    with suppress(OSError):
        connection.sendall(json.dumps(message).encode("ascii") + b"\n")


def _may_start(imported: Imported, connection: socket.socket, order: Mapping[str, Any]) -> bool:
    """Returns whether a trainer can be forked here; where not, says why."""
    if reason := imported.why_not(order["environment"]):
        _send(connection, {"refused": reason})
        return False
    try:
        os.chdir(order["directory"])
        os.sched_setaffinity(0, order["cores"])
    except OSError as error:
        _send(connection, {"error": [error.errno, error.strerror, error.filename]})
        return False
    return True


def _redirect(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)


def _wait(connection: socket.socket, trainer: int) -> None:
    """Tells how the trainer ended; returns when the supervisor has hung up."""
    ended = os.pidfd_open(trainer)
    while not (ready := select.select([ended, connection.fileno()], [], [], _REAP_S)[0]):
        # What has left the trainer's group and ended.
        for child in {*_children()} - {trainer}:
            os.waitpid(child, os.WNOHANG)
    if ended in ready:
        # Not reaped yet, so that its number is nobody else's.
        how = os.waitid(os.P_PID, trainer, os.WEXITED | os.WNOWAIT)
        if how is not None:
            code = how.si_status if how.si_code == os.CLD_EXITED else -how.si_status
            _send(connection, {"exitCode": code})
        connection.recv(1)


def _end(trainer: int) -> None:
    """Ends the trainer, its group, and what has left that."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(trainer, signal.SIGKILL)
    os.waitpid(trainer, 0)
    _end_children(spared=set())


def _end_children(spared: set[int]) -> None:
    """Ends children, and theirs, which come here then; one that may not be killed stays."""
    spared = {*spared}
    while children := {*_children()} - spared:
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            except PermissionError:
                spared.add(child)


def become(imported: Imported, order: Mapping[str, Any]) -> tuple[types.CodeType, dict[str, Any]]:
    """Makes this process what a new interpreter would be; returns its program and the names to run it in."""
    environment = {**order["environment"], **imported.changed}
    os.environ.clear()
    os.environ.update({name: value for name, value in environment.items() if value is not None})
    # Worked out by an import, from the zygote's variables.
    tempfile.tempdir = None
    importlib.invalidate_caches()
    if numpy_random := sys.modules.get("numpy.random"):
        # Its state was drawn by the import; Python's own is drawn anew in each fork.
        numpy_random.seed()
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    _, program, *arguments = order["argv"]
    sys.argv[:] = [program, *arguments]
    sys.orig_argv[:] = order["argv"]
    main.__file__, main.__annotations__ = program, {}
    return compile(Path(program).read_bytes(), program, "exec"), main.__dict__


class Leaving:
    """Spares Python taking apart at its end what was imported beforehand, most of what a short trial takes.

    What the trainer itself has made is ended as ever: its modules are not among them, nor are those in which
    TensorFlow keeps what is still to be written. Files that only libraries refer to are flushed.
    """

    _BUFFERED = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    _ENDED = ("tensorflow.python.eager.context", "tensorflow.python.ops.summary_ops_v2")

    def __init__(self) -> None:
        self.spared: frozenset[str] = frozenset()
        self._kept: list[types.ModuleType] = []

    def __call__(self) -> None:
        """Keeps the modules for ever. To be run as the last of what Python runs at its end."""
        # The list itself is never freed.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._kept))
        for name in self.spared:
            if module := sys.modules.pop(name, None):
                self._kept.append(module)
        # Those of libraries' imports are frozen, and not among them.
        for each in gc.get_objects():
            # Its type and not itself: a proxy would load what it stands for.
            if issubclass(type(each), self._BUFFERED) and not each.closed:
                with suppress(OSError, ValueError):
                    each.flush()

    def spare(self, modules: frozenset[str]) -> None:
        """Says which modules are to be kept: of these, what is no part of Python itself."""
        own = sys.stdlib_module_names | {"__main__"}
        self.spared = frozenset(m for m in modules if m.partition(".")[0] not in own) - {*self._ENDED}


def start() -> tuple[types.CodeType, dict[str, Any]]:
    """Serves; returns in a trainer's process alone, what `become` returns there."""
    # What Python put there: this file's directory. With -P it did not.
    if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
        del sys.path[0]
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    leaving = Leaving()
    # The first to be registered is the last to be run.
    atexit.register(leaving)
    imported, order = serve(control)
    leaving.spare(imported.modules)
    return become(imported, order)


if __name__ == "__main__":
    # From here, so that little of this file is on the stack while the trainer's program runs.
    exec(*start())  # noqa: S102
