"""The local backend: a job in a directory of this machine, resumable at any moment."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hptune.backends.base import JobState, JobStatus, LogLine, Observer, Submission
from hptune.backends.local import earlier, logs
from hptune.backends.local.loop import TuningLoop
from hptune.backends.local.packages import install
from hptune.backends.local.slots import machine_cores, machine_gpus, share
from hptune.backends.local.store import StudyStore, create_or_open, open_to_read
from hptune.errors import Fault, Interrupted, JobDirError, JobFailed
from hptune.job import TuningJob, differences, parse_training_input
from hptune.jobdir import JobDir, write_json
from hptune.results import training_output
from hptune.sampler import distributions, grid_size, make_sampler
from hptune.study import Study, Trial, TrialState
from hptune.trial.spec import Program

_FORMAT = 1
# What must be the same for a job to be taken up again.
_IDENTITY = ("name", "trainingInput", "module", "command", "pythonPath", "args", "passJobDir", "seed")
_LOCK_PATIENCE_S = 2.0
_LOCK_POLL_S = 0.05


class LocalBackend:
    """Runs a job with the processes of this machine.

    Args:
        root: The job's directory.
    """

    def __init__(self, root: Path) -> None:
        self._dir = JobDir(root.absolute())

    def run(self, submission: Submission, observe: Observer) -> Study:
        """Runs the job to its end, or takes up one that was cut off. See `Backend.run`."""
        self.refuse_foreign()
        # Before anything is written, for it may be refused.
        earlier_trials = self._read_earlier(submission)
        with self._locked():
            record = self._claim(submission, earlier_trials)
            before = self._status()
            self._set_status(JobState.RUNNING, "")
            try:
                install(submission.packages, self._dir.packages)
                study = self._tune(submission, record, observe)
            except KeyboardInterrupt:
                message = "stopped; the same command takes it up where it was"
                self._set_status(JobState.CANCELLED, message)
                raise Interrupted(message) from None
            except JobFailed as error:
                self._set_status(JobState.FAILED, str(error))
                raise
            except JobDirError:
                # Refused before anything ran, so the job stands where it stood.
                write_json(self._dir.status, before)
                raise
            self._set_status(JobState.SUCCEEDED, "")
            return study

    def describe(self) -> JobStatus:
        """Where the job stands. See `Backend.describe`."""
        record = self._read_record()
        job = parse_training_input(record["trainingInput"], str(self._dir.job))
        status = self._status()
        state, message = JobState(status["state"]), status["message"]
        if state is JobState.RUNNING and not self._is_locked():
            state, message = JobState.CANCELLED, "killed; the same command takes it up where it was"
        study = self._study(record, job)
        return JobStatus(
            state=state,
            study=study if state is JobState.RUNNING else _cut_off(study),
            training_input=record["trainingInput"],
            message=message,
            create_time=datetime.fromisoformat(record["createTime"]),
            end_time=datetime.fromisoformat(status["time"]) if state is not JobState.RUNNING else None,
        )

    def recall(self) -> Submission:
        """What was submitted.

        Raises:
            JobDirError: There is no such job.
        """
        record = self._read_record()
        return Submission(
            name=record["name"],
            job=parse_training_input(record["trainingInput"], str(self._dir.job)),
            program=Program(record["module"], tuple(record["command"]), tuple(record["pythonPath"])),
            user_args=tuple(record["args"]),
            job_dir=self._dir.root,
            pass_job_dir=record["passJobDir"],
            seed=record["seed"],
        )

    def stream_logs(self) -> Iterator[LogLine]:
        """Yields what trainers printed, and print, until the job ends. See `Backend.stream_logs`."""
        self._read_record()
        return logs.follow(self._dir, self._is_locked)

    def _tune(self, submission: Submission, record: dict[str, Any], observe: Observer) -> Study:
        job = submission.job
        limit = min(job.max_trials, grid_size(job.space, job.max_trials)) if _is_grid(job) else job.max_trials
        store = self._open_store(submission, earlier.to_frozen(record["earlierTrials"], job.space))
        cores = machine_cores()
        slots = share(min(job.max_parallel_trials, limit, len(cores)), cores, machine_gpus())

        def changed(study: Study, trial: Trial) -> None:
            if trial.state.finished:
                self._write_results(study)
            observe(study, trial)

        TuningLoop(submission, store, distributions(job.space), limit, slots, changed).run()
        study = store.study()
        self._write_results(study)
        if study.best is None:
            reasons = "\n".join(f"    trial {trial.id}: {trial.message}" for trial in study.trials)
            raise JobFailed(f"no trial has a value of '{job.metric}' that can be compared:\n{reasons}")
        return study

    def _open_store(self, submission: Submission, earlier_trials: list[earlier.FrozenTrial]) -> StudyStore:
        job = submission.job
        sampler = make_sampler(
            job.algorithm.value,
            job.space,
            seed=submission.seed,
            max_trials=job.max_trials,
            first_points=earlier.point_of_arguments(submission.user_args, job.space),
            earlier_trials=earlier_trials,
        )
        return create_or_open(
            self._dir.journal, submission.name, job.metric, job.goal, job.max_trials, job.space, sampler
        )

    def _study(self, record: dict[str, Any], job: TuningJob) -> Study:
        store = open_to_read(self._dir.journal, record["name"], job.metric, job.max_trials, job.space)
        if store is None:
            return Study(record["name"], job.metric, job.goal, job.max_trials)
        return store.study()

    def _write_results(self, study: Study) -> None:
        write_json(self._dir.results, {"trainingOutput": training_output(study)})

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
        """The trials of resumePreviousJobId; a job that has begun keeps them in its own record."""
        previous = submission.job.resume_previous_job_id
        if previous is None or self._dir.job.is_file():
            return []
        return earlier.read(self._dir.root.parent, previous, submission.job)

    def _claim(self, submission: Submission, earlier_trials: list[dict[str, Any]]) -> dict[str, Any]:
        """Records what was submitted, or checks that it is what was submitted before."""
        asked = {
            "format": _FORMAT,
            "name": submission.name,
            "trainingInput": submission.job.training_input,
            "module": submission.program.module,
            "command": list(submission.program.command),
            "pythonPath": list(submission.program.python_path),
            "args": list(submission.user_args),
            "passJobDir": submission.pass_job_dir,
            "seed": submission.seed,
        }
        if self._dir.job.is_file():
            record = self._read_record()
            self._refuse_changed(record, asked)
            return record
        record = {**asked, "earlierTrials": earlier_trials, "createTime": datetime.now(UTC).isoformat()}
        write_json(self._dir.job, record)
        return record

    def _refuse_changed(self, record: dict[str, Any], asked: dict[str, Any]) -> None:
        changes = differences({k: record[k] for k in _IDENTITY}, {k: asked[k] for k in _IDENTITY})
        if changes:
            what = "holds another job; run that one again, or choose another --job-dir. What differs:"
            raise JobDirError(Fault(str(self._dir.root), "\n    ".join([what, *changes])))

    def _read_record(self) -> dict[str, Any]:
        path = self._dir.job
        if not path.is_file():
            raise JobDirError(Fault(str(self._dir.root), f"holds no hptune job ({path} does not exist)"))
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            missing = [key for key in (*_IDENTITY, "earlierTrials", "createTime") if key not in record]
        except (ValueError, TypeError) as error:
            raise JobDirError(Fault(str(path), f"is damaged ({error})")) from error
        if missing:
            raise JobDirError(Fault(str(path), f"is damaged (no {', '.join(missing)})"))
        return record

    def _status(self) -> dict[str, str]:
        """How the last run ended; as if it had been killed, where it was before it could say."""
        path = self._dir.status
        if not path.is_file():
            return {"state": JobState.RUNNING, "message": "", "time": self._read_record()["createTime"]}
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

    def _is_locked(self) -> bool:
        if not self._dir.lock.exists():
            return False
        with self._dir.lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the job for this process; the kernel lets go of it however the process ends."""
        self._dir.state.mkdir(parents=True, exist_ok=True)
        with self._dir.lock.open("a+", encoding="utf-8") as file:
            # Patience, because a reader that asks whether the job runs holds the lock for an instant.
            deadline = time.monotonic() + _LOCK_PATIENCE_S
            while not _try_lock(file.fileno()):
                if time.monotonic() > deadline:
                    file.seek(0)
                    holder = file.read().strip() or "unknown"
                    raise JobDirError(Fault(str(self._dir.root), f"is in use by process {holder}"))
                time.sleep(_LOCK_POLL_S)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def _cut_off(study: Study) -> Study:
    """The study of a job that does not run: neither do its trials, whatever the journal says of them."""
    trials = tuple(
        trial if trial.state.finished else replace(trial, state=TrialState.CANCELLED)
        for trial in study.trials
    )
    return replace(study, trials=trials)


def _is_grid(job: TuningJob) -> bool:
    return job.algorithm.value == "GRID_SEARCH"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
