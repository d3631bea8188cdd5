"""The local backend: a job in a directory of this machine, resumable at any moment."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from hptune.backends.base import Backend, Deletable
from hptune.backends.failures import nothing_to_compare
from hptune.backends.local import deletion, job_record, logs, previous_trials
from hptune.backends.local.cluster_size import Capacity
from hptune.backends.local.loop import TuningLoop
from hptune.backends.local.results_file import ResultsFile
from hptune.backends.local.slots import machine_cores, machine_gpus, share
from hptune.backends.local.store import StudyStore, create_or_open, open_to_read
from hptune.backends.local.warm import trial_starts
from hptune.errors import Fault, HptuneError, Interrupted, JobDirError, JobFailed, describe_os_error
from hptune.job.fingerprint import fingerprint
from hptune.job.submission import Submission
from hptune.results.study import JobState, JobStatus, LogLine, Observer, Study, Trial
from hptune.results.tensorboard import write_trial_events
from hptune.runtimes import docker
from hptune.search.encoding import distributions
from hptune.search.grid import trial_limit
from hptune.search.samplers import make_sampler
from hptune.storage.full_disk import full_disk_told
from hptune.storage.job_dir import JobDir, write_json
from hptune.storage.lock import hold, is_held
from hptune.trial.pod.packages import install

_WITHOUT_A_WORD = "killed, or its disk was full; the same command takes it up where it was"


class LocalBackend(Backend, Deletable):
    """Runs a job with the processes of this machine.

    Args:
        root: The job's directory.
        warn: Is told what a person should know of a run.
    """

    def __init__(self, root: Path, warn: Callable[[str], None] = print) -> None:
        self._dir = JobDir(root.absolute())
        self._warn = warn

    def run(self, submission: Submission, observe: Observer) -> JobStatus:
        """Runs the job to its end, or takes up one that was cut off. See `Backend.run`."""
        self.refuse_foreign()
        # Before anything is written, for it may be refused.
        earlier_trials = self._read_earlier(submission)
        with full_disk_told(self._dir.root), hold(self._dir.lock, self._dir.root):
            record = job_record.claim(self._dir, submission, earlier_trials)
            before = self._status()
            self._set_status(JobState.RUNNING, "")
            try:
                self._prepare(submission)
                ran = self._tune(submission, record, observe)
            except KeyboardInterrupt:
                message = "stopped; the same command takes it up where it was"
                self._try_to_set_status(JobState.CANCELLED, message)
                raise Interrupted(message) from None
            except JobFailed as error:
                self._try_to_set_status(JobState.FAILED, str(error))
                raise
            except JobDirError:
                # Refused before anything ran, so the job stands where it stood.
                write_json(self._dir.status, before)
                raise
            except Exception as error:
                # Nobody killed it.
                self._try_to_set_status(JobState.FAILED, _own_failure(error))
                raise
            if ran or before["state"] != JobState.SUCCEEDED:
                self._set_status(JobState.SUCCEEDED, "")
            else:
                # Its results are as old as they were.
                write_json(self._dir.status, before)
                self._warn_of_nothing_run(before["time"])
            return self.describe()

    def _prepare(self, submission: Submission) -> None:
        if submission.program.image:
            # Left by a run that was killed; only who holds the job may end them.
            docker.remove_of(str(self._dir.trials))
        install(submission.packages, self._dir.packages)

    def _warn_of_nothing_run(self, ended: str) -> None:
        when = datetime.fromisoformat(ended).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        self._warn(f"nothing was run: all trials of this job had ended by {when}; the results are from then")

    def _warn_of_other_trainers(self, store: StudyStore) -> None:
        if others := store.of_other_trainers():
            trials = f"trial{'s' if len(others) > 1 else ''} {', '.join(map(str, others))}"
            again = f"to start afresh: rm -r {shlex.quote(str(self._dir.root))}, or another --job-dir"
            self._warn(f"the trainer's files have changed since {trials}, which still count; {again}")

    def describe(self) -> JobStatus:
        """Tells where the job stands. See `Job.describe`."""
        record = job_record.read(self._dir)
        status = self._status()
        state, message = JobState(status["state"]), status["message"]
        if state is JobState.RUNNING and not self._is_locked():
            state, message = JobState.CANCELLED, _WITHOUT_A_WORD
        study = self._study(record.submission)
        changed = datetime.fromisoformat(status["time"])
        return JobStatus(
            state=state,
            study=study if state is JobState.RUNNING else study.cut_off(),
            training_input=record.submission.job.training_input,
            message=message,
            create_time=record.create_time,
            end_time=changed if state is not JobState.RUNNING else None,
            start_time=changed if state is JobState.RUNNING else None,
        )

    def check_deletable(self) -> None:
        """Refuses a directory that is not to be deleted. See `Deletable.check_deletable`."""
        deletion.check(self._dir)
        if self._is_locked():
            raise JobDirError(
                Fault(str(self._dir.root), "holds a job that runs; Ctrl-C stops it where it runs")
            )

    def delete(self) -> str:
        """Deletes the job's directory. See `Deletable.delete`."""
        self.check_deletable()
        with hold(self._dir.lock, self._dir.root):
            deletion.delete(self._dir)
        return ""

    def recall(self) -> Submission:
        """Returns the submission of the job. See `Backend.recall`."""
        return job_record.read(self._dir).submission

    def stream_logs(self) -> Iterator[LogLine]:
        """Yields what trainers printed, and print, until the job ends. See `Job.stream_logs`."""
        job_record.read(self._dir)
        return logs.follow(self._dir, self._is_locked)

    def follow_logs(self, is_running: Callable[[], bool]) -> Iterator[LogLine]:
        """Yields what trainers print. See `Backend.follow_logs`."""
        return logs.follow(self._dir, is_running)

    def _tune(self, submission: Submission, record: job_record.Record, observe: Observer) -> bool:
        """Runs the trials that are left; returns whether there were any."""
        job = submission.job
        limit = trial_limit(job.algorithm.value, job.space, job.max_trials)
        store = self._open_store(submission, previous_trials.to_frozen(record.earlier_trials, job.space))
        self._warn_of_other_trainers(store)
        if store.trial_count >= limit and not store.unfinished() and store.study().best is None:
            # Nothing came of them: the same command is a new try, with what has been mended.
            limit += store.trial_count
        left = bool(store.unfinished()) or store.trial_count < limit
        slots = share(_trials_at_once(submission, limit), machine_cores(), machine_gpus())
        results = ResultsFile(self._dir.results)

        def changed(study: Study, trial: Trial) -> None:
            if trial.state.finished:
                results.update(study)
                write_trial_events(self._dir.tensorboard(trial.id), study, trial)
            observe(study, trial)

        try:
            with trial_starts(submission, self._dir.shared_log) as start:
                TuningLoop(submission, store, distributions(job.space), limit, slots, start, changed).run()
        finally:
            results.complete(store.study())
        study = store.study()
        results.write(study)
        if study.best is None:
            raise JobFailed(nothing_to_compare(study))
        return left

    def _open_store(self, submission: Submission, earlier_trials: list[FrozenTrial]) -> StudyStore:
        job = submission.job
        sampler = make_sampler(
            job.algorithm.value,
            job.space,
            seed=submission.seed,
            max_trials=job.max_trials,
            first_points=submission.first_points,
            earlier_trials=earlier_trials,
        )
        return create_or_open(
            self._dir,
            submission.name,
            job.metric,
            job.goal,
            job.max_trials,
            job.space,
            sampler,
            fingerprint(submission),
            self._warn,
        )

    def _study(self, submission: Submission) -> Study:
        job = submission.job
        store = open_to_read(self._dir, submission.name, job.metric, job.max_trials, job.space)
        return store.study() if store else submission.study

    def refuse_foreign(self) -> None:
        """Refuses a directory that holds something else, before anything is written there.

        Raises:
            JobDirError: It does.
        """
        root = self._dir.root
        if self._dir.job.is_file() or not root.exists():
            return
        if not root.is_dir():
            raise JobDirError(Fault(str(root), "is a file; --job-dir must be a directory"))
        if any(path != self._dir.state for path in root.iterdir()):
            raise JobDirError(Fault(str(root), "holds other files; --job-dir must be new, empty or a job's"))

    def _read_earlier(self, submission: Submission) -> list[dict[str, Any]]:
        """Reads the trials of resumePreviousJobId; a job that has begun keeps them in its own record."""
        previous = submission.job.resume_previous_job_id
        if previous is None or self._dir.job.is_file():
            return []
        if (self._dir.root.parent / previous).resolve() == self._dir.root.resolve():
            problem = f"{previous!r} is this job itself; name an earlier one or leave it out"
            raise JobDirError(Fault("resumePreviousJobId", problem))
        return previous_trials.read(self._dir.root.parent, previous, submission.job, self._warn)

    def _status(self) -> dict[str, str]:
        """Tells how the last run ended; as if it had been killed, where it was before it could say."""
        path = self._dir.status
        if not path.is_file():
            return {
                "state": JobState.RUNNING,
                "message": "",
                "time": job_record.read(self._dir).create_time.isoformat(),
            }
        try:
            status: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            JobState(status["state"])
            datetime.fromisoformat(status["time"])
        except (ValueError, KeyError, TypeError) as error:
            raise JobDirError(Fault(str(path), f"is damaged ({type(error).__name__}: {error})")) from error
        return status

    def _set_status(self, state: JobState, message: str) -> None:
        now = datetime.now(UTC).isoformat()
        write_json(self._dir.status, {"state": state.value, "message": message, "time": now})

    def _try_to_set_status(self, state: JobState, message: str) -> None:
        """Writes how the job ended, unless the disk is full; the caller tells it too."""
        with suppress(OSError):
            self._set_status(state, message)

    def _is_locked(self) -> bool:
        return is_held(self._dir.lock)


def _trials_at_once(submission: Submission, limit: int) -> int:
    wanted = min(submission.job.max_parallel_trials, limit)
    if submission.slots:
        return min(wanted, submission.slots)
    if tasks := sum(submission.task_counts.values()):
        wanted = min(wanted, Capacity.of_machine().trials_at_once(1 + tasks))
    return min(wanted, len(machine_cores()))


def _own_failure(error: Exception) -> str:
    """Says what ended a job that neither its trials nor the user did."""
    if isinstance(error, HptuneError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{describe_os_error(error)}; once that is mended the same command takes it up"
    return f"hptune itself failed: {type(error).__name__}: {error}; the trials that ended are kept"
