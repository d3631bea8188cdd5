"""Step three: runs the tuning job."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from hptune.backends.base import JobStatus, Submission
from hptune.backends.local.backend import LocalBackend
from hptune.display import show_progress
from hptune.job import parse_job
from hptune.jobdir import JobDir
from hptune.steps.submission import Trainer, check_backend, override
from hptune.storage import atomic_file
from hptune.study import Study, TrialState

_DIGEST_DIGITS = 16


def tune(
    job_file: str,
    *,
    name: str,
    data: Path,
    job_dir: Path,
    trainer: Trainer,
    max_trials: int = 0,
    max_parallel_trials: int = 0,
    backend: str = "local",
    seed: int = 0,
) -> JobStatus:
    """Runs a tuning job, or takes up one that was cut off: its finished trials are not run again.

    Args:
        job_file: The job file's text.
        name: The job's name.
        data: The file that trials train on and are measured on.
        job_dir: The job's directory. A copy of the data is kept there, so that a later run, which may have
            its data elsewhere, can tell that the job is the same.
        trainer: The user's trainer.
        max_trials: Replaces the job file's maxTrials; 0 keeps it.
        max_parallel_trials: Replaces the job file's maxParallelTrials; 0 keeps it.
        backend: Where trials run: ``local``, the machine or pod of this step.
        seed: Seed of the suggestions.

    Raises:
        InputError: The job or the trainer cannot be used; carries every fault.
        JobFailed: Too many trials failed, or none has an objective.
        Interrupted: The user stopped it.
    """
    check_backend(backend)
    parsed = parse_job(job_file, "job_file")
    for warning in parsed.warnings:
        print(f"warning: {warning}")
    job = override(parsed, max_trials, max_parallel_trials)
    stable = _place_of(data, job_dir)
    submission = trainer.submission(job, name, stable, job_dir, seed)
    local = LocalBackend(job_dir)
    local.refuse_foreign()
    _keep(data, stable)
    _run(local, submission)
    return local.describe()


def summarize(study: Study) -> dict[str, float]:
    """What a pipeline's page shows of a study: the best objective, and counts."""
    states = [trial.state for trial in study.trials]
    counts: dict[str, float] = {"trials": len(states), "failed_trials": states.count(TrialState.FAILED)}
    best = study.best
    return (
        {study.metric: best.final.value, "best_trial": best.id, **counts} if best and best.final else counts
    )


def _place_of(data: Path, job_dir: Path) -> Path:
    """Where a job keeps its data: named by content, since other data would make it another job."""
    with data.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return JobDir(job_dir.absolute()).data / f"{digest[:_DIGEST_DIGITS]}.npz"


def _keep(data: Path, place: Path) -> None:
    if place.exists():
        return
    with atomic_file(place) as temporary:
        shutil.copyfile(data, temporary)


def _run(backend: LocalBackend, submission: Submission) -> None:
    with show_progress(submission.study) as observe:
        study = backend.run(submission, observe)
    job_dir = JobDir(Path(submission.job_dir))
    for trial in study.trials:
        if trial.state is TrialState.FAILED:
            print(f"trial {trial.id} failed, {trial.message}; its log is {job_dir.trial(trial.id).log}")
