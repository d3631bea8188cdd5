"""``python -m hptune.trial.pod.stop FILE``: tells a trial to stop, and waits until it has.

FILE is the trial's --collector-file, which tells it from others that this machine may run.

Kubernetes' SIGTERM goes to a container's first process. In a trial's pod that is the shell that Katib puts
around the trial: it dies at once, and all other processes of the container are then killed. As a ``preStop``
hook this program comes before: the trial has the pod's grace period to stop its trainer and to upload.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import click

_POLL_S = 0.1
_PROCESSES = Path("/proc")
_TRIAL = (b"-m", b"hptune.trial")


@click.command()
@click.argument("file")
def main(file: str) -> None:
    """Tells the trial whose --collector-file is FILE to stop, and waits until it has."""
    trials = _trials(file)
    for pid in trials:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    while trials & _trials(file):
        time.sleep(_POLL_S)


def _trials(file: str) -> set[int]:
    flag = b"--collector-file=" + os.fsencode(file)
    return {int(path.parent.name) for path in _PROCESSES.glob("[0-9]*/cmdline") if _is_trial(path, flag)}


def _is_trial(path: Path, flag: bytes) -> bool:
    # It may be gone, or another user's.
    with suppress(OSError):
        words = path.read_bytes().split(b"\0")
        # The module is named before the trial's own flags, in which a trainer can be named as well.
        return _TRIAL in pairwise(words[:4]) and flag in words
    return False


if __name__ == "__main__":
    main()
