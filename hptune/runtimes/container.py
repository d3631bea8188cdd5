"""Runs a container in the foreground, and never leaves it behind: ``PYTHON container.py NAME COMMAND...``.

COMMAND is ``docker run ...`` of a container called NAME. The engine runs it, so that neither a signal nor the
end of a process here reaches it. This program stands for it: told to stop, it has the engine stop the
container. It is told so when its parent dies, too, however that dies. It ends as what ran there did.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1
# Less than the ten seconds that whoever runs this program waits before it is killed.
_GRACE_S = 7
_POLL_S = 0.5


class _Container:
    def __init__(self, name: str, command: list[str]) -> None:
        self._name = name
        self._command = command
        self._told = False

    def tell(self, _: int, __: FrameType | None) -> None:
        """Handles a signal: the container is to stop."""
        self._told = True

    def run(self) -> int:
        """Runs the container; returns the client's exit code."""
        # A session of its own: a signal for the group is this program's to pass on, in its own way.
        with subprocess.Popen(self._command, start_new_session=True, preexec_fn=_told_of_end) as client:
            while True:
                try:
                    return client.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    if self._told:
                        # Again and again, for it may be about to begin.
                        self._stop()

    def remove(self) -> None:
        """Removes a container that an attempt which was cut off has left."""
        self._ask("rm", "--force", self._name)

    def _stop(self) -> None:
        self._ask("stop", f"--time={_GRACE_S}", self._name)

    def _ask(self, *arguments: str) -> None:
        quiet = subprocess.DEVNULL
        words = [self._command[0], *arguments]
        subprocess.run(words, stdout=quiet, stderr=quiet, check=False, start_new_session=True)


def _told_of_end() -> None:
    """Has the kernel send SIGTERM to this process when its parent dies; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(name: str, *command: str) -> int:
    """Runs the container; returns the exit code, or ends by the signal that ended what ran in it."""
    parent = os.getppid()
    container = _Container(name, list(command))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, container.tell)
    _told_of_end()
    container.remove()
    if os.getppid() != parent:
        # It died a moment before.
        return 1
    code = container.run()
    if code - 128 in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
        signal.signal(code - 128, signal.SIG_DFL) if code - 128 != signal.SIGKILL else None
        os.kill(os.getpid(), code - 128)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
