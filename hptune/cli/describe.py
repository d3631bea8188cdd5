"""Implements ``hptune describe``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from hptune.backends.base import Job, NamesTrials
from hptune.cli.options.cluster import found_job
from hptune.console.program import console
from hptune.console.progress import watch
from hptune.console.view import Screen, view_lines
from hptune.console.yaml_text import to_yaml
from hptune.results.ml_engine import job_output, to_json
from hptune.results.study import JobState, JobStatus
from hptune.results.tables import summary_table
from hptune.results.trial_table import TrialTable


@click.command()
@found_job
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="Prints the job in this form; json and yaml are what ML Engine answered.",
)
@click.option(
    "--summarize",
    is_flag=True,
    help="Prints a table of trial, objective and step alone, whatever --format says, as gcloud did.",
)
@click.option("--watch", "watched", is_flag=True, help="Shows the job until it ends, then as it is.")
def describe(job: Job, form: str, summarize: bool, watched: bool) -> None:
    """Shows JOB, while it runs or later: its state and its trials, best first.

    JOB is the job's directory or URI; with --namespace or --context, the name of a job in a cluster.

    \b
    Examples:
      hptune describe out/job
      hptune describe out/job --format json
      hptune describe out/job --watch
      hptune describe job --namespace kubeflow
    """
    status = watch(job.describe) if watched else job.describe()
    if summarize:
        console(sys.stdout).print(summary_table(status.study))
    elif form == "json":
        click.echo(to_json(job_output(status)))
    elif form == "yaml":
        click.echo(to_yaml(job_output(status)), nl=False)
    else:
        _print_trials(status)
        click.echo(f"{status.state}{': ' if status.message else ''}{status.message}")
        if isinstance(job, NamesTrials):
            _print_names(job)


def _print_trials(status: JobStatus) -> None:
    stdout = console(sys.stdout)
    if status.state is not JobState.RUNNING:
        stdout.print(TrialTable(status.study))
        return
    screen = Screen(stdout.width, ascii_only=stdout.options.ascii_only)
    since = status.start_time or status.create_time
    for line in view_lines(status.study, since, datetime.now(UTC), screen):
        stdout.print(line)


def _print_names(job: NamesTrials) -> None:
    """Prints which trial is which in the cluster, where their names do not have their numbers."""
    for number, name in sorted(job.trial_names().items()):
        if not name.endswith(f"-{number}"):
            click.echo(f"trial {number} is {name}")
