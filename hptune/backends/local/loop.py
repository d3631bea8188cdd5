"""The tuning loop: ask for a suggestion, run the trial, tell what came of it."""

from __future__ import annotations

import select
import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from optuna.distributions import BaseDistribution

from hptune.backends.failures import decided_by
from hptune.backends.local.process import StartProcess, TrialProcess
from hptune.backends.local.signals import uninterrupted
from hptune.backends.local.slots import Slot
from hptune.backends.local.store import StudyStore
from hptune.errors import JobFailed
from hptune.job.submission import Submission
from hptune.results.curve import best_of
from hptune.results.study import Observer, Trial
from hptune.search.space import format_values
from hptune.storage.full_disk import full_disk
from hptune.storage.job_dir import JobDir, tail
from hptune.trial.memory import OUT_OF_MEMORY
from hptune.trial.metrics.curve import CurveReader
from hptune.trial.outcome import Outcome, find_measurement_fault
from hptune.trial.spec import TrialSpec
from hptune.trial.stopwatch import Stopwatch

_POLL_S = 0.1
# A trial that somebody killed, or that the kernel did when memory ran out, is given one more chance.
_MAX_ATTEMPTS = 2


@dataclass
class _Running:
    trial: Trial
    process: TrialProcess
    slot: Slot
    attempt: int
    clock: Stopwatch = field(default_factory=Stopwatch)


class TuningLoop:
    """Runs a job's trials, those that were cut off first, then new ones up to ``trial_limit``.

    Args:
        submission: The job.
        store: The job's study.
        distributions: The job's search space, as Optuna's distributions.
        trial_limit: How many trials there are to be: maxTrials, or fewer where the space has no more points.
        slots: Shares of the machine; as many trials run at once.
        start: Starts a trial's process.
        observe: Told of every change.
    """

    def __init__(
        self,
        submission: Submission,
        store: StudyStore,
        distributions: dict[str, BaseDistribution],
        trial_limit: int,
        slots: Sequence[Slot],
        start: StartProcess,
        observe: Observer,
    ) -> None:
        self._submission = submission
        self._store = store
        self._distributions = distributions
        self._trial_limit = trial_limit
        self._start = start
        self._observe = observe
        self._free_slots = list(slots)
        self._running: dict[int, _Running] = {}
        self._cut_off = deque(store.unfinished())
        self._failures = 0

    def run(self) -> None:
        """Runs the trials that are left.

        Raises:
            JobFailed: Too many trials failed.
            KeyboardInterrupt: The user stopped it; running trials are stopped and will be run again.
        """
        try:
            while self._start_trials() or self._running:
                for running in list(self._running.values()):
                    self._tend(running)
                self._wait()
        finally:
            self._stop_all()

    def _wait(self) -> None:
        """Waits until it is time to look at the trials again, or one has ended."""
        endings = [running.process.ending for running in self._running.values()]
        select.select([each for each in endings if each is not None], [], [], _POLL_S)

    def _start_trials(self) -> bool:
        """Fills the free slots; returns whether it started anything."""
        started = False
        while self._free_slots and (self._cut_off or self._store.trial_count < self._trial_limit):
            self._start_next()
            started = True
        return started

    def _start_next(self) -> None:
        if self._cut_off:
            trial = self._store.take_up(self._cut_off.popleft().id, self._distributions)
        else:
            trial = self._store.ask(self._distributions)
        outcome = Outcome.load(self._job_dir.trial(trial.id).outcome)
        if outcome and outcome.succeeded and not outcome.message:
            # It ended while nobody was there to be told. One that failed runs again: it may have been mended.
            curve = CurveReader(self._job_dir.trial(trial.id).measurements)
            curve.read_new()
            self._store.report(trial.id, curve)
            self._finish(trial.id, outcome)
            return
        self._launch(trial, self._free_slots.pop(0), attempt=1)

    def _launch(self, trial: Trial, slot: Slot, attempt: int) -> None:
        with uninterrupted():
            values, directory = format_values(trial.parameters), self._job_dir.trial(trial.id)
            spec = TrialSpec.of(self._submission, trial.id, values, directory)
            process = TrialProcess(spec, slot, self._start)
            self._running[trial.id] = _Running(trial, process, slot, attempt)
        self._observe(self._store.study(), trial)

    @property
    def _job_dir(self) -> JobDir:
        return JobDir(Path(self._submission.job_dir))

    def _tend(self, running: _Running) -> None:
        # Asked before the measurements are read, so that none can come after the last reading.
        ended = running.process.ended
        measured = self._measured(running)
        if ended:
            self._ended(running)
        elif (
            measured
            and self._submission.job.early_stopping
            and (reason := self._store.find_reason_to_stop(running.trial.id))
        ):
            self._stop_early(running, reason)

    def _measured(self, running: _Running) -> bool:
        """Takes the measurements made since the last time, all at once; returns whether there were any."""
        curve = running.process.curve
        if not curve.read_new():
            return False
        self._store.report(running.trial.id, curve)
        # Read once, however many measurements there are.
        study, trial = self._store.study(), self._store.trial(running.trial.id)
        for count in range(curve.new_from + 1, len(curve.measurements) + 1):
            now = replace(trial, measurements=trial.measurements[:count])
            self._observe(study.with_trial(now), now)
        return True

    def _stop_early(self, running: _Running, reason: str) -> None:
        running.process.ask_to_stop()
        running.process.wait_stopped()
        self._measured(running)
        curve = running.process.curve
        best_by = running.process.spec.best_by
        last = best_of(curve.measurements, best_by) if best_by else curve.measurements[-1]
        outcome = running.process.outcome()
        self._release(running)
        if outcome:
            # It ended by itself a moment before.
            self._finish(running.trial.id, outcome)
            return
        message = find_measurement_fault(self._submission.job.metric, last)
        start_s, end_s = running.clock.start_s, running.clock.now_s
        stopped = Outcome(0, last, message, start_s, end_s, note=reason, source=curve.source.name)
        self._finish(running.trial.id, stopped, stopped_early=True)

    def _ended(self, running: _Running) -> None:
        running.process.clean_up()
        outcome = running.process.outcome()
        self._release(running)
        if outcome is None and running.process.lacked_room:
            # No fault of the trial's: it runs again once there is room.
            raise full_disk(running.process.spec.directory.state)
        if outcome is None or outcome.killed:
            if running.attempt < _MAX_ATTEMPTS:
                trial = self._store.take_up(running.trial.id, self._distributions)
                self._launch(trial, self._free_slots.pop(0), running.attempt + 1)
                return
            outcome = _cut_off_too_often(running, outcome)
        self._finish(running.trial.id, outcome)

    def _release(self, running: _Running) -> None:
        del self._running[running.trial.id]
        self._free_slots.append(running.slot)

    def _finish(self, trial_id: int, outcome: Outcome, *, stopped_early: bool = False) -> None:
        trial = self._store.finish(trial_id, outcome, stopped_early=stopped_early)
        study = self._store.study()
        self._observe(study, trial)
        if not outcome.succeeded or outcome.final is None:
            self._failures += 1
            self._check_failures(trial, any_measured=study.best is not None)

    def _check_failures(self, trial: Trial, *, any_measured: bool) -> None:
        """Applies maxFailedTrials to the trials of this run; those of an earlier run may have been mended.

        0 leaves it to the service, which failed a job whose trial failed before any had succeeded: a trainer
        that cannot run at all is not worth nine more tries.
        """
        job = self._submission.job
        limit = job.max_failed_trials
        if (limit and self._failures < limit) or (not limit and any_measured):
            return
        log = self._job_dir.trial(trial.id).log
        raise JobFailed(f"{decided_by(trial, job)}\n{log} ends:\n{tail(log)}")

    def _stop_all(self) -> None:
        for running in self._running.values():
            running.process.ask_to_stop()
        for running in self._running.values():
            running.process.wait_stopped()


def _cut_off_too_often(running: _Running, outcome: Outcome | None) -> Outcome:
    if outcome is None and not running.process.killed:
        message = f"ended {_MAX_ATTEMPTS} times without an outcome"
    else:
        message = f"was killed {_MAX_ATTEMPTS} times (is there enough memory?)"
    if outcome and OUT_OF_MEMORY in outcome.message:
        message = f"{outcome.message}; this happened {_MAX_ATTEMPTS} times"
    if outcome:
        return replace(outcome, message=message)
    return Outcome(-signal.SIGKILL, None, message, running.clock.start_s, running.clock.now_s)
