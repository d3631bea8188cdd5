"""Runs a job for the tune step, which prints what happens."""

from __future__ import annotations

from collections.abc import Callable

from hptune.backends.base import Backend
from hptune.console.progress import show_progress
from hptune.job.submission import Submission
from hptune.results.study import JobStatus, Trial, TrialState


def run_job(backend: Backend, submission: Submission, more: Callable[[Trial], str]) -> JobStatus:
    """Runs a job; its failed trials are printed at the end.

    Args:
        backend: Where.
        submission: The job.
        more: What else there is to say of a failed trial.

    Raises:
        HptuneError: See `Backend.run`.
    """
    with show_progress(submission.study) as observe:
        status = backend.run(submission, observe)
    for trial in status.study.trials:
        if trial.state is TrialState.FAILED:
            print(f"trial {trial.id} failed, {trial.message}{more(trial)}")
    return status
