"""Implements ``hptune report``."""

from __future__ import annotations

from pathlib import Path

import click

from hptune.backends.base import Backend, Job
from hptune.cli.options.cluster import found_job
from hptune.console.program import PATH
from hptune.steps.report import report as write_report


@click.command()
@found_job
@click.option(
    "--output", type=PATH, default="report.html", show_default=True, help="Writes the page to this file."
)
def report(job: Job, output: Path) -> None:
    """Writes one HTML page about JOB: its trials, what was found, and plots.

    JOB is the job's directory or URI; with --namespace or --context, the name of a job in a cluster.

    \b
    Examples:
      hptune report out/job --output report.html
      hptune report job --namespace kubeflow
    """
    status = job.describe()
    write_report(status, output, job.recall() if isinstance(job, Backend) else None)
    click.echo(output)
