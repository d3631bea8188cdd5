"""Runs a job for ``run`` and ``submit``, and shows its progress, then its trials."""

from __future__ import annotations

import sys

import click

from hptune.backends.base import Backend
from hptune.console.program import console
from hptune.console.progress import show_progress
from hptune.job.submission import Submission
from hptune.results.study import JobStatus
from hptune.results.tables import best_line
from hptune.results.trial_table import TrialTable


def run_and_show(backend: Backend, submission: Submission, *, stream_logs: bool) -> JobStatus:
    """Runs a job and shows how far it is, or what its trainers print; then the trials and the best of them.

    Raises:
        HptuneError: See `Backend.run`.
    """
    follow = backend.follow_logs if stream_logs else None
    with show_progress(submission.study, follow) as observe:
        status = backend.run(submission, observe)
    console(sys.stdout).print(TrialTable(status.study))
    click.echo(best_line(status.study))
    return status
