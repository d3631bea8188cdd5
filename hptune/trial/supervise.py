"""Runs one trainer to its end: passes its output on, reads its measurements, keeps its time limit."""

from __future__ import annotations

import fcntl
import os
import select
import selectors
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol

from hptune.errors import Interrupted
from hptune.job.vertex.translation import metric_field
from hptune.runtimes.hint import hint
from hptune.runtimes.processes import adopt_orphans, end_children, reap_orphans
from hptune.storage.foreign import make_way
from hptune.storage.full_disk import is_full
from hptune.trial.companions import Companions, Failure, is_port_taken
from hptune.trial.environment import output_places
from hptune.trial.last_words import find_last_words
from hptune.trial.log import TrialLog
from hptune.trial.memory import Memory, explain
from hptune.trial.metrics.curve import CurveWriter
from hptune.trial.metrics.elsewhere import Elsewhere
from hptune.trial.metrics.metric_file import USUAL_METRIC_FILE
from hptune.trial.metrics.mirror import Mirror
from hptune.trial.metrics.reader import MetricReader
from hptune.trial.metrics.report import Curve
from hptune.trial.metrics.unmeasured import Unmeasured
from hptune.trial.missing_file import advise_missing_file
from hptune.trial.outcome import Ending, Outcome, find_fault
from hptune.trial.spec import TrialSpec
from hptune.trial.stopwatch import Stopwatch
from hptune.trial.strays import end_strays, record_group
from hptune.trial.task_output import TaskOutput, labelled
from hptune.trial.tasks import MASTER, Task
from hptune.trial.trainer import StartTrainer, Trainer, TrainerTimeout, spawn
from hptune.trial.workspaces import Workspaces, own_workspaces

_POLL_S = 0.25
# Reports that a trainer overwrites are seen if they last so long.
_GLANCE_S = 0.02
# A wide pipe holds what is printed at 200 MB/s meanwhile.
_MOMENT_S = 0.005
# What a trainer leaves is given to end by itself; the service ended all with the trainer.
_DAEMONS_GRACE_S = 1.0
# As many sets of ports as a trial of several tasks may try, where others take them before its tasks do.
_PORT_ATTEMPTS = 3
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
    stop = _Stop()
    with _alone(spec) as pid_file:
        for _ in range(_PORT_ATTEMPTS):
            # Once more: the attempt that was waited for may have written since.
            prepare(spec)
            with own_workspaces(spec, os.environ) as workspaces:
                supervisor = _Supervisor(spec, workspaces, stop_with_stdin, listener, start, stop)
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, stop.ask)
                outcome = _advised(spec, supervisor.run(pid_file), supervisor.last_printed)
            if not supervisor.lacked_port:
                break
        outcome.save(spec.directory.outcome)
        return outcome


def _advised(spec: TrialSpec, outcome: Outcome, printed: bytes) -> Outcome:
    """Adds to the outcome of a trainer that failed why, and what would have what it did not find."""
    if outcome.exit_code <= 0:
        return outcome
    text = printed.decode("utf-8", "replace")
    installs = spec.program.module is not None and spec.pod is None
    # Of a container that is another place.
    missing = "" if spec.program.image or spec.pod else advise_missing_file(text, os.getcwd())  # noqa: PTH109
    parts = (outcome.message, find_last_words(text), hint(text, installs=installs) or missing)
    return replace(outcome, message=": ".join(filter(None, parts)))


def prepare(spec: TrialSpec) -> None:
    """Makes the trial's directories and takes away what an attempt that was cut off left in hptune's own."""
    directory = spec.directory
    if spec.pass_job_dir:
        directory.output.mkdir(parents=True, exist_ok=True)
    if not spec.address:
        for place in output_places(spec).values():
            Path(place).mkdir(parents=True, exist_ok=True)
    for path in (directory.outcome, directory.measurements, directory.metric_file):
        make_way(path)
        path.unlink(missing_ok=True)
    make_way(directory.trainer_pid)
    if spec.task == MASTER and not spec.pod:
        for each in spec.beside_master():
            prepare(each)


@contextmanager
def _alone(spec: TrialSpec) -> Iterator[IO[str]]:
    """Sees to it that of an attempt that was cut off nothing runs: two would write to one directory."""
    directory = spec.directory
    with directory.trainer_pid.open("a", encoding="ascii") as pid_file:
        # It has its trainer stopped yet, where it could be asked to.
        fcntl.flock(pid_file, fcntl.LOCK_EX)
        if directory.work.exists():
            end_strays(directory)
        # Emptied and not removed, for the lock is on it.
        for path in directory.trainer_pids:
            path.write_text("", encoding="ascii")
        adopt_orphans()
        yield pid_file


class _Stop:
    """Whether the trial is to stop and to have no outcome; a handler of signals."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        self.asked = True


class _Supervisor:
    def __init__(
        self,
        spec: TrialSpec,
        workspaces: Workspaces,
        stop_with_stdin: bool,
        listener: Listener | None,
        start: StartTrainer,
        stop: _Stop,
    ) -> None:
        self._spec = spec
        self._workspace = workspaces.own
        self._beside = workspaces.beside
        self._hosts = workspaces.unmeasured_hosts
        self._listener = listener
        self._stop_with_stdin = stop_with_stdin
        self._start = start
        self._stop = stop
        self._output = TaskOutput(spec.task.name)
        self._log = TrialLog(spec.directory)
        self._failure: Failure | None = None
        self._read_bytes = 0
        self.lacked_port = False

    @property
    def last_printed(self) -> bytes:
        """The last that was printed by the trainer, or by that of its tasks that ended the trial."""
        return self._failure.printed if self._failure else self._output.last

    def run(self, pid_file: IO[str]) -> Outcome:
        reader: MetricReader | None = None

        def take(task: Task, line: bytes) -> None:
            self._pass_on_line(task, line, reader)

        others = Companions(self._beside, self._start, pid_file, take)
        with self._spec.directory.measurements.open("w", encoding="utf-8") as file:
            # Before anything is started: what is there by now is not the trainer's.
            reader = self._reader(CurveWriter(file), others)
            clock, memory = Stopwatch(), Memory.now()
            try:
                process = self._start_all(others, pid_file)
            except OSError as error:
                if is_full(error):
                    raise
                return Outcome(_CANNOT_START, None, f"could not be started: {error}", None, time.time())
            with process:
                reader.begin()
                try:
                    timed_out = self._watch(process, reader, others)
                    # It may have ended by itself a moment before.
                    stopped = self._stop.asked and process.poll() is None
                    self._failure = others.failure if process.poll() is None else None
                    if process.poll() == 0:
                        others.finish()
                finally:
                    others.ask_to_stop()
                    process.stop()
                    others.stop()
                    # Those that have left the trainer's group.
                    end_children(grace_s=_DAEMONS_GRACE_S)
                self._read_rest(process, reader)
        outcome = self._outcome(reader, process.wait(), timed_out, others, clock, memory)
        if not stopped:
            return outcome
        if self._listener is None:
            raise Interrupted(f"trial {self._spec.trial_id} was stopped")
        return self._listener.stopped(outcome)

    def _start_all(self, others: Companions, pid_file: IO[str]) -> Trainer:
        """Starts the master, and the tasks beside it; all or none.

        Raises:
            OSError: One cannot be started.
        """
        try:
            others.start(self._given_up)
            process = self._start(self._workspace, pid_file, self._given_up)
        except (OSError, Interrupted):
            others.stop()
            raise
        try:
            record_group(pid_file, process.pid)
        except OSError:
            process.stop()
            process.close()
            others.stop()
            raise
        return process

    def _outcome(
        self,
        reader: MetricReader,
        exit_code: int,
        timed_out: bool,
        others: Companions,
        clock: Stopwatch,
        memory: Memory,
    ) -> Outcome:
        failure, objective = self._failure, reader.objective
        why = "" if failure else self._workspace.why(exit_code)
        exit_code = failure.exit_code if failure else exit_code
        ending = Ending(
            exit_code,
            timed_out,
            objective.measurement,
            reader.hints.message(metric_field(self._spec.service)),
            out_of_memory=why or explain(memory, Memory.now(), exit_code, in_pod=self._spec.pod is not None),
        )
        of_master = is_port_taken(exit_code, self._output.last) and bool(self._beside)
        self.lacked_port = failure.port_taken if failure else of_master and objective.measurement is None
        fault = find_fault(self._spec, ending)
        if not exit_code and not self._spec.task.is_measured:
            # It has no objective to be judged by.
            fault = ""
        return Outcome(
            exit_code=ending.exit_code,
            timed_out=timed_out,
            final=ending.final,
            message=others.explained(fault) if failure or not others.failure else fault,
            start_time_s=clock.start_s,
            end_time_s=clock.now_s,
            note="; ".join(filter(None, (reader.note, others.note))),
            source=objective.source.name if objective.source is not None else "",
        )

    def _given_up(self) -> bool:
        """Returns whether the trainer is not wanted any more; for before it is watched."""
        if self._stop_with_stdin and select.select([sys.stdin], [], [], 0.0)[0]:
            self._parent_died(sys.stdin.fileno())
        return self._stop.asked

    def _reader(self, file: Curve, others: Companions) -> MetricReader:
        spec, directory = self._spec, self._spec.directory
        beside = [each for each, _ in self._beside if each.task.is_measured]
        return MetricReader(
            spec.metric,
            best_by=spec.best_by,
            summaries=directory.summaries if spec.address else directory.output,
            mirror=Mirror(spec.address, directory.summaries) if spec.address else None,
            elsewhere=self._elsewhere(),
            unmeasured=Unmeasured(others.groups, self._hosts),
            metric_file=directory.metric_file,
            other_metric_files=[*(each.directory.metric_file for each in beside), *self._usual_metric_file()],
            curves=[file, self._listener] if self._listener else [file],
        )

    def _usual_metric_file(self) -> list[Path]:
        """Returns where a process without the variable reports: the pod's own; here all trials have one."""
        # What lies there already is the image's.
        return [USUAL_METRIC_FILE] if self._spec.pod and not USUAL_METRIC_FILE.exists() else []

    def _elsewhere(self) -> Elsewhere:
        if self._spec.program.image and not self._spec.pod:
            # A container has directories of its own; those of this machine it can only read.
            return Elsewhere()
        tuning = self._spec.training_input.get("hyperparameters", {})
        # Trials side by side write below one directory that their arguments name.
        alone = int(tuning.get("maxParallelTrials") or 1) == 1
        workspace, trial_id = self._workspace, self._spec.trial_id
        return Elsewhere(workspace.argv, workspace.directory, trial_id, alone=alone)

    def _watch(self, process: Trainer, reader: MetricReader, others: Companions) -> bool:
        """Follows the trainer until it ends or is to be stopped; returns whether its time was up."""
        deadline = time.monotonic() + (self._spec.time_limit_s or float("inf"))
        next_reading = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(process.output, selectors.EVENT_READ, self._pass_on)
            selector.register(others, selectors.EVENT_READ, others.pass_on)
            if process.ending is not None:
                selector.register(process.ending, selectors.EVENT_READ, lambda *_: False)
            if self._stop_with_stdin:
                selector.register(sys.stdin, selectors.EVENT_READ, self._parent_died)
            while process.poll() is None and not self._stop.asked and not others.failure:
                for key, _ in selector.select(_GLANCE_S):
                    if not key.data(key.fd, reader):
                        selector.unregister(key.fileobj)
                        if process.ending is None:
                            # A trainer that closes its output is about to end, as a rule.
                            with suppress(TrainerTimeout):
                                process.wait(_POLL_S)
                self._let_more_come(process)
                others.tend()
                reap_orphans({process.pid, *others.running})
                reader.read_metric_files()
                if time.monotonic() >= next_reading:
                    reader.read_files({process.pid, *others.measured_groups})
                    next_reading = time.monotonic() + _POLL_S
                if time.monotonic() > deadline:
                    return True
        return False

    def _let_more_come(self, process: Trainer) -> None:
        """Waits a moment where little was printed: waking up for each line takes cores from the trainer."""
        if 0 < self._read_bytes < _PIPE_BYTES // 4 and process.ending is not None:
            select.select([process.ending], [], [], _MOMENT_S)
        self._read_bytes = 0

    def _read_rest(self, process: Trainer, reader: MetricReader) -> None:
        """Reads what a trainer that has ended left: in the pipe, a line without its end, its files."""
        descriptor = process.output
        # A process that left the trainer's group may hold the pipe open.
        os.set_blocking(descriptor, False)
        with suppress(BlockingIOError):
            self._pass_on(descriptor, reader)
        if self._beside:
            for line in self._output.rest():
                self._pass_on_line(self._spec.task, line, reader)
        reader.finish()

    def _pass_on(self, descriptor: int, reader: MetricReader) -> bool:
        data = os.read(descriptor, _PIPE_BYTES)
        self._read_bytes = len(data)
        if self._beside:
            for line in self._output.lines(data):
                self._pass_on_line(self._spec.task, line, reader)
            return bool(data)
        self._output.keep_last(data)
        self._log.write(data)
        if self._listener and data:
            self._listener.printed(data)
        reader.read_output(data)
        return bool(data)

    def _pass_on_line(self, task: Task, line: bytes, reader: MetricReader | None) -> None:
        """Passes on what one of several tasks printed, the task named."""
        self._log.write(labelled(task.name, line))
        if task.is_measured and reader is not None:
            reader.read_output(line + b"\n")

    def _parent_died(self, descriptor: int, _: MetricReader | None = None) -> bool:
        alive = bool(os.read(descriptor, _PIPE_BYTES))
        if not alive:
            self._stop.ask()
        return alive
