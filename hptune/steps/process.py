"""What a step does around its work where it is a process of its own: it ends in order, and says how."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hptune.errors import HptuneError
from hptune.storage.job_dir import write_json

_INTERRUPTED = 130
FAILURE_VARIABLE = "HPTUNE_FAILURE_FILE"
"""Names, in a step's environment, the file in which who started it finds how it failed."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Runs a step's work; what goes wrong on purpose ends the process with a message instead of a traceback.

    SIGTERM, which is how Kubernetes stops a pod, interrupts the work; so does the end of whoever reads what
    the step prints: that is who started it, and nothing else would stop the step.

    Args:
        name: The step, for messages.

    Raises:
        SystemExit: The work failed; the code is that of the error, 130 where it was stopped.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _interrupt_when_unread(sys.stdout.fileno())
    try:
        yield
    except HptuneError as error:
        _fail(name, str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail(name, "stopped", _INTERRUPTED)


def read_failure(path: Path) -> tuple[str, int] | None:
    """Returns the step that failed and its exit code; None where none has."""
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return str(content["step"]), int(content["exitCode"])


def _fail(name: str, message: str, exit_code: int) -> None:
    if path := os.environ.get(FAILURE_VARIABLE):
        write_json(Path(path), {"step": name, "exitCode": exit_code})
    # Nobody may be there to read it.
    with suppress(BrokenPipeError):
        print("\n".join(f"hptune: {line}" for line in message.splitlines()), flush=True)
        if not path:
            print(f"step {name} failed with exit code {exit_code}", flush=True)
    sys.exit(exit_code)


def _interrupt_when_unread(descriptor: int) -> None:
    """Interrupts this process when the other end of the pipe that it prints to closes."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    poll = select.poll()
    # No event is asked for: errors, which the closing is for the writer, are always told.
    poll.register(descriptor, 0)

    def wait() -> None:
        poll.poll()
        # Not SIGINT: what a script has started in the background ignores that.
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
