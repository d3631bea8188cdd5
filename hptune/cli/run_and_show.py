"""What ``run`` and ``submit`` show of a job: its progress, then its trials."""

from __future__ import annotations

import sys

import click

from hptune.backends.base import Backend
from hptune.console.program import console
from hptune.console.progress import show_logs, show_progress
from hptune.job.submission import Submission
from hptune.results.study import JobStatus
from hptune.results.tables import best_line, trial_table


def run_and_show(backend: Backend, submission: Submission, *, stream_logs: bool) -> JobStatus:
    """Runs a job and shows how far it is, or what its trainers print; then the trials and the best of them.

    Raises:
        HptuneError: See `Backend.run`.
    """
    display = show_logs(backend.follow_logs) if stream_logs else show_progress(submission.study)
    with display as observe:
        status = backend.run(submission, observe)
    console(sys.stdout).print(trial_table(status.study))
    click.echo(best_line(status.study))
    return status
