"""Runs one trainer to its end: passes its output on, reads its measurements, keeps its time limit."""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, Protocol

from hptune.errors import Interrupted
from hptune.runtimes.hint import hint
from hptune.trial.environment import output_directories
from hptune.trial.last_words import find_last_words
from hptune.trial.memory import Memory, explain
from hptune.trial.metrics.curve import CurveWriter
from hptune.trial.metrics.elsewhere import Elsewhere
from hptune.trial.metrics.reader import MetricReader
from hptune.trial.metrics.report import Curve
from hptune.trial.outcome import Ending, Outcome, find_fault
from hptune.trial.spec import TrialSpec
from hptune.trial.trainer import StartTrainer, Trainer, TrainerTimeout, spawn
from hptune.trial.workspace import Workspace, own_workspace

_POLL_S = 0.25
# Of what a trainer printed, for its traceback.
_KEPT_BYTES = 16 * 1024
# At least what a pipe holds, so that one reading empties it.
_PIPE_BYTES = 1024 * 1024
# A shell's exit code for a command that is not there.
_CANNOT_START = 127


class Listener(Curve, Protocol):
    """Is told what a trainer does while it runs, and the measurements that count as a `Curve` is."""

    def printed(self, data: bytes) -> None:
        """Takes what the trainer printed, as it came."""

    def stopped(self, outcome: Outcome) -> Outcome:
        """Makes the outcome of a trainer that was told to stop, given what was seen of it."""


def run_trial(
    spec: TrialSpec,
    *,
    stop_with_stdin: bool = False,
    listener: Listener | None = None,
    start: StartTrainer = spawn,
) -> Outcome:
    """Runs the trainer, its output passed to standard output, and saves its outcome.

    Args:
        spec: The trial.
        stop_with_stdin: Whether to stop the trainer when standard input closes, which it does when whoever
            started this process dies, however it dies.
        listener: Is told what the trainer does, and judges it where it was told to stop.
        start: Starts the trainer's process.

    Returns:
        How the trainer ended.

    Raises:
        Interrupted: The trial was told to stop, with no listener; it has no outcome and can run again.
    """
    prepare(spec)
    with _alone(spec) as pid_file, own_workspace(spec, os.environ) as workspace:
        # Once more: the attempt that was waited for may have written since.
        prepare(spec)
        supervisor = _Supervisor(spec, workspace, stop_with_stdin, listener, start)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, supervisor.interrupt)
        outcome = _advised(spec, supervisor.run(pid_file), supervisor.last_printed)
        outcome.save(spec.directory.outcome)
        return outcome


def _advised(spec: TrialSpec, outcome: Outcome, printed: bytes) -> Outcome:
    """Adds to the outcome of a trainer that failed why, and what would have what it did not find."""
    if outcome.exit_code <= 0:
        return outcome
    text = printed.decode("utf-8", "replace")
    installs = spec.program.module is not None and spec.pod is None
    parts = (outcome.message, find_last_words(text), hint(text, installs=installs))
    return replace(outcome, message=": ".join(filter(None, parts)))


def prepare(spec: TrialSpec) -> None:
    """Makes the trial's directories and takes away what an attempt that was cut off left in hptune's own."""
    directory = spec.directory
    if spec.pass_job_dir:
        directory.output.mkdir(parents=True, exist_ok=True)
    for path in output_directories(spec).values():
        path.mkdir(parents=True, exist_ok=True)
    directory.metric_file.parent.mkdir(parents=True, exist_ok=True)
    for path in (directory.outcome, directory.measurements, directory.metric_file):
        path.unlink(missing_ok=True)
    # Emptied and not removed: whoever runs the trial holds a lock on it.
    directory.trainer_pid.write_text("", encoding="ascii")


@contextmanager
def _alone(spec: TrialSpec) -> Iterator[IO[str]]:
    """Waits until an attempt that was cut off has stopped its trainer: two would write to one directory."""
    with spec.directory.trainer_pid.open("a", encoding="ascii") as pid_file:
        fcntl.flock(pid_file, fcntl.LOCK_EX)
        yield pid_file


class _Supervisor:
    def __init__(
        self,
        spec: TrialSpec,
        workspace: Workspace,
        stop_with_stdin: bool,
        listener: Listener | None,
        start: StartTrainer,
    ) -> None:
        self._spec = spec
        self._workspace = workspace
        self._listener = listener
        self._stop_with_stdin = stop_with_stdin
        self._start = start
        self._interrupted = False
        self.last_printed = b""

    def interrupt(self, *_: object) -> None:
        """Handles a signal: the trainer is to stop, and the trial to have no outcome."""
        self._interrupted = True

    def run(self, pid_file: IO[str]) -> Outcome:
        start_s = time.time()
        memory = Memory.now()
        try:
            process = self._start(self._workspace, pid_file)
        except OSError as error:
            return Outcome(_CANNOT_START, None, f"could not be started: {error}", None, time.time())
        pid_file.write(str(process.pid))
        pid_file.flush()
        with self._spec.directory.measurements.open("w", encoding="utf-8") as file, process:
            reader = self._reader(CurveWriter(file))
            try:
                timed_out = self._watch(process, reader)
                # It may have ended by itself a moment before.
                stopped = self._interrupted and process.poll() is None
            finally:
                process.stop()
            self._read_rest(process, reader)
        objective = reader.objective
        in_pod = self._spec.pod is not None
        exit_code = process.wait()
        ending = Ending(
            exit_code,
            timed_out,
            objective.measurement,
            reader.hints.message(),
            out_of_memory=explain(memory, Memory.now(), exit_code, in_pod=in_pod),
        )
        outcome = Outcome(
            exit_code=ending.exit_code,
            timed_out=timed_out,
            final=ending.final,
            message=find_fault(self._spec, ending),
            start_time_s=start_s,
            end_time_s=time.time(),
            note=objective.note,
            source=objective.source.name if objective.source is not None else "",
        )
        if not stopped:
            return outcome
        if self._listener is None:
            raise Interrupted(f"trial {self._spec.trial_id} was stopped")
        return self._listener.stopped(outcome)

    def _reader(self, file: Curve) -> MetricReader:
        directory = self._spec.directory
        return MetricReader(
            self._spec.metric,
            best_by=self._spec.best_by,
            summaries=directory.output,
            elsewhere=self._elsewhere(),
            metric_file=directory.metric_file,
            curves=[file, self._listener] if self._listener else [file],
        )

    def _elsewhere(self) -> Elsewhere:
        tuning = self._spec.training_input.get("hyperparameters", {})
        # Trials side by side write below one directory that their arguments name.
        alone = int(tuning.get("maxParallelTrials") or 1) == 1
        workspace, trial_id = self._workspace, self._spec.trial_id
        return Elsewhere(workspace.argv, workspace.directory, trial_id, alone=alone)

    def _watch(self, process: Trainer, reader: MetricReader) -> bool:
        """Follows the trainer until it ends or is to be stopped; returns whether its time was up."""
        deadline = time.monotonic() + (self._spec.time_limit_s or float("inf"))
        next_reading = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(process.output, selectors.EVENT_READ, self._pass_on)
            if self._stop_with_stdin:
                selector.register(sys.stdin, selectors.EVENT_READ, self._parent_died)
            while process.poll() is None and not self._interrupted:
                for key, _ in selector.select(_POLL_S):
                    if not key.data(key.fd, reader):
                        selector.unregister(key.fileobj)
                        # A trainer that closes its output is about to end, as a rule.
                        with suppress(TrainerTimeout):
                            process.wait(_POLL_S)
                if time.monotonic() >= next_reading:
                    reader.read_files(process.pid)
                    next_reading = time.monotonic() + _POLL_S
                if time.monotonic() > deadline:
                    return True
        return False

    def _read_rest(self, process: Trainer, reader: MetricReader) -> None:
        """Reads what a trainer that has ended left: in the pipe, a line without its end, its files."""
        descriptor = process.output
        # A process that left the trainer's group may hold the pipe open.
        os.set_blocking(descriptor, False)
        with suppress(BlockingIOError):
            self._pass_on(descriptor, reader)
        reader.finish()

    def _pass_on(self, descriptor: int, reader: MetricReader) -> bool:
        data = os.read(descriptor, _PIPE_BYTES)
        _write_all(sys.stdout.fileno(), data)
        self.last_printed = (self.last_printed + data)[-_KEPT_BYTES:]
        if self._listener and data:
            self._listener.printed(data)
        reader.read_output(data)
        return bool(data)

    def _parent_died(self, descriptor: int, _: MetricReader) -> bool:
        alive = bool(os.read(descriptor, _PIPE_BYTES))
        self._interrupted = self._interrupted or not alive
        return alive


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
