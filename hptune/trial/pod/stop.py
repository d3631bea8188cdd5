"""``python -m hptune.trial.pod.stop``: tells the trial of this pod to stop, and waits until it has.

The trial is known by its document, which this container's processes have in their environment.

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

from hptune.trial.document import TRIAL_VARIABLE

_POLL_S = 0.1
_PROCESSES = Path("/proc")
_TRIAL = (b"-m", b"hptune.trial")
# A loader and its options may stand before the interpreter.
_LOOKED_AT = 8


@click.command()
def main() -> None:
    """Tells the trial of this pod to stop, and waits until it has."""
    trials = _trials()
    for pid in trials:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    while trials & _trials():
        time.sleep(_POLL_S)


def _trials() -> set[int]:
    document = os.environb.get(os.fsencode(TRIAL_VARIABLE))
    entry = os.fsencode(TRIAL_VARIABLE) + b"=" + (document or b"")
    return {int(path.name) for path in _PROCESSES.glob("[0-9]*") if _is_trial(path, entry)}


def _is_trial(process: Path, entry: bytes) -> bool:
    # It may be gone, or another user's.
    with suppress(OSError):
        if _TRIAL in pairwise((process / "cmdline").read_bytes().split(b"\0")[:_LOOKED_AT]):
            return entry in (process / "environ").read_bytes().split(b"\0")
    return False


if __name__ == "__main__":
    main()
