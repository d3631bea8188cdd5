"""Warm trials: each forked from a process that has imported once what the trainer needs."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from hptune.backends.local.forked import Nursery
from hptune.backends.local.process import Process, StartProcess, spawn_program, spawn_trial
from hptune.backends.local.slots import Slot
from hptune.job.submission import Submission
from hptune.runtimes import ZYGOTE
from hptune.runtimes.preload import importable_beforehand
from hptune.storage.scratch import scratch
from hptune.trial.document import local_arguments
from hptune.trial.spec import TrialSpec
from hptune.trial.workspace import OWN_VARIABLES, shared_environment

# A zygote that is killed is made anew so often; then something is the matter.
_MAX_DEATHS = 3
_MAX_REFUSAL_BYTES = 4096


@contextmanager
def trial_starts(submission: Submission, log: Path) -> Iterator[StartProcess]:
    """Yields what starts the job's trials: warm where that is possible, else each as a new program.

    Args:
        submission: The job.
        log: Gets what is printed by what the trials share.
    """
    if sys.platform != "linux":
        yield spawn_trial
        return
    with scratch(log.parent) as temporary:
        starts = _WarmStarts(submission, log, temporary)
        try:
            yield starts
        finally:
            starts.close()


def _why_cold(submission: Submission) -> str:
    """Says why no trainer of the job can be forked; empty where nothing is known against it."""
    if submission.cold:
        return "--cold was given"
    if submission.program.python:
        return f"the trainer has a Python of its own, {submission.program.python}"
    return ""


class _WarmStarts:
    """Starts trials; see `StartProcess`."""

    def __init__(self, submission: Submission, log: Path, temporary: Path) -> None:
        self._log = log
        self._temporary = temporary
        # Another program, or an image's, is always started anew.
        self._is_module = submission.program.module is not None and not submission.program.image
        self._why_cold = _why_cold(submission)
        self._nursery: Nursery | None = None
        self._zygotes: dict[tuple[object, ...], _Zygote] = {}
        self._refusals: dict[tuple[object, ...], str] = {}
        self._deaths = 0

    def __call__(self, spec: TrialSpec, slot: Slot, standard_input: int, log: IO[bytes], /) -> Process:
        """Starts a trial. See `StartProcess`."""
        arguments = local_arguments(spec)
        with ExitStack() as stack:
            connections = self._connections(spec, slot, log) if self._is_module else []
            held = [stack.enter_context(each).fileno() for each in connections]
            try:
                self._nursery = self._nursery or Nursery(self._log)
                return self._nursery.fork(arguments, slot, standard_input, log, held)
            except OSError as error:
                # It was killed; the next trial gets another.
                self._close_nursery()
                log.write(f"hptune: starts this trial's program anew: {error}\n".encode())
                options = [f"--fork-from={each}" for each in held]
                return spawn_program([*options, *arguments], slot, standard_input, log, held)

    def close(self) -> None:
        """Ends what trials were forked from; those have ended."""
        self._close_nursery()
        for zygote in self._zygotes.values():
            zygote.close()

    def _close_nursery(self) -> None:
        if self._nursery:
            self._nursery.close()
        self._nursery = None

    def _connections(self, spec: TrialSpec, slot: Slot, log: IO[bytes]) -> list[socket.socket]:
        """Returns connections to who will fork each task; none, and why in the log, for new programs."""
        environment = shared_environment(spec, slot.environment(os.environ))
        key = (tuple(sorted(environment.items())), len(slot.cores))
        reason = self._why_cold or self._refusals.get(key, "")
        if not reason:
            try:
                zygote = self._zygote(key, spec, slot, environment)
                return [zygote.connect() for _ in range(1 + sum(spec.tasks.values()))]
            except _Refusal as refusal:
                reason = self._refusals[key] = str(refusal)
                self._zygotes.pop(key).close()
        log.write(f"hptune: starts a new interpreter for this trial: {reason}\n".encode())
        log.flush()
        return []

    def _zygote(
        self, key: tuple[object, ...], spec: TrialSpec, slot: Slot, environment: Mapping[str, str]
    ) -> _Zygote:
        zygote = self._zygotes.get(key)
        if zygote and zygote.ended:
            self._deaths += 1
            zygote.close()
            zygote = None
        if zygote is None:
            if self._deaths >= _MAX_DEATHS:
                raise _Refusal(f"{ZYGOTE.name} was ended {self._deaths} times")
            directory = self._temporary / f"{len(self._zygotes)}-{self._deaths}"
            directory.mkdir()
            zygote = self._zygotes[key] = _Zygote(spec, slot, environment, directory, self._log)
        return zygote


class _Refusal(Exception):
    """No trainer can be forked; says why."""


class _Zygote:
    """A process that imports what a trainer needs, for trials of the same environment."""

    def __init__(
        self, spec: TrialSpec, slot: Slot, environment: Mapping[str, str], directory: Path, log: Path
    ) -> None:
        self._control, theirs = socket.socketpair()
        module = spec.program.module or ""
        path = environment["PYTHONPATH"].split(os.pathsep)
        start = {"statements": importable_beforehand(module, path), "differ": sorted(OWN_VARIABLES)}
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(ZYGOTE), str(theirs.fileno())],
                env={**environment, "TMPDIR": str(directory), "PWD": str(directory)},
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        # It may have been killed by now; who asks it for a trainer sees that.
        with suppress(ProcessLookupError, BrokenPipeError), cast(IO[bytes], self._process.stdin) as file:
            slot.pin(self._process.pid)
            file.write(json.dumps(start).encode("ascii"))

    @property
    def ended(self) -> bool:
        """Whether it was killed."""
        return self._process.poll() is not None

    def connect(self) -> socket.socket:
        """Returns a connection to a keeper that will fork a trainer.

        Raises:
            _Refusal: It has said by now that it cannot.
        """
        if select.select([self._control], [], [], 0.0)[0]:
            refusal = self._control.recv(_MAX_REFUSAL_BYTES).decode("utf-8", "replace")
            if refusal:
                raise _Refusal(refusal)
        ours, theirs = socket.socketpair()
        # Where it has just been killed, the supervisor sees that, and says so.
        with theirs, suppress(OSError):
            socket.send_fds(self._control, [b"\0"], [theirs.fileno()])
        return ours

    def close(self) -> None:
        """Ends it; trainers that run are not touched."""
        self._control.close()
        self._process.kill()
        self._process.wait()
