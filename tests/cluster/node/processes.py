"""Processes of the cluster: each has a file with its id and when it began, and a log.

An id alone may be another process's by now; with its time of start it is nobody else's.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster import settings
from tests.cluster.shell import HarnessError

_START_TIME = 19  # in /proc/PID/stat, counted behind the name
_TERM_PATIENCE_S = 20.0
_KILL_PATIENCE_S = 10.0


def start(name: str, *command: str | Path, env: dict[str, str] | None = None) -> None:
    """Starts a process that outlives this one, unless it runs already."""
    if is_running(name):
        return
    logs, pids = settings.STATE / "log", settings.RUN / "pid"
    logs.mkdir(parents=True, exist_ok=True)
    pids.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=settings.STATE,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _pid_file(name).write_text(f"{process.pid} {_began(process.pid)}\n")


def is_running(name: str) -> bool:
    """Whether the process that was started under a name still runs."""
    return _living(name) is not None


def names() -> list[str]:
    """What was started, latest first."""
    files = (settings.RUN / "pid").glob("*") if (settings.RUN / "pid").is_dir() else []
    return [path.name for path in sorted(files, key=lambda path: path.stat().st_mtime_ns, reverse=True)]


def stop(name: str) -> None:
    """Ends a process: with SIGTERM, and with SIGKILL where that is not heard."""
    for number, patience_s in ((signal.SIGTERM, _TERM_PATIENCE_S), (signal.SIGKILL, _KILL_PATIENCE_S)):
        pid = _living(name)
        if pid is not None:
            os.kill(pid, number)
            _wait(lambda: _living(name) is None, patience_s)
    _pid_file(name).unlink(missing_ok=True)


def wait_for(
    what: str,
    ready: Callable[[], bool],
    *,
    watching: str | None = None,
    log_of: str | None = None,
    patience_s: float = 120,
) -> None:
    """Waits until something is ready.

    Args:
        what: Names it.
        ready: Whether it is.
        watching: The process whose end ends the waiting.
        log_of: The process whose log tells why it is not ready, where that is not ``watching``.
        patience_s: How long.

    Raises:
        HarnessError: It was not in time, or the process ended; the message has the end of its log.
    """

    def over() -> bool:
        return ready() or (watching is not None and not is_running(watching))

    _wait(over, patience_s)
    if not ready():
        log = log_tail(log_of or watching)
        raise HarnessError(f"{what} is not ready after {patience_s:.0f} s or has ended\n{log}")


def log_tail(name: str | None, lines: int = 20) -> str:
    """The end of a process's log."""
    path = settings.STATE / "log" / f"{name}.log"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.is_file() else ""


def kill(pids: list[int]) -> None:
    """Kills processes by their ids; those that are gone are no fault."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _pid_file(name: str) -> Path:
    return settings.RUN / "pid" / name


def _living(name: str) -> int | None:
    """Its id, where it is still the process that was started."""
    try:
        pid, began = _pid_file(name).read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if began == _began(int(pid)) else None


def _began(pid: int) -> str | None:
    """When a process began, in the kernel's ticks; None for one that is gone or a zombie."""
    try:
        # The name before it may hold blanks and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[_START_TIME]


def _wait(over: Callable[[], bool], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not over() and time.monotonic() < deadline:
        time.sleep(0.2)
