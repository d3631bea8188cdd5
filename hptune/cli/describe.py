"""Implements ``hptune describe``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hptune.backends.local.backend import LocalBackend
from hptune.cli.options.cluster import ClusterJob, cluster_job
from hptune.console.program import console
from hptune.console.yaml_text import to_yaml
from hptune.results.kept import kept_status
from hptune.results.ml_engine import job_output, to_json
from hptune.results.study import JobStatus
from hptune.results.tables import summary_table, trial_table
from hptune.storage.job_dir import JobDir
from hptune.storage.transfer import is_remote


@click.command()
@click.argument("job")
@cluster_job
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True
)
@click.option(
    "--summarize",
    is_flag=True,
    help="Only a table of trial, objective and step, whatever the format, as gcloud's flag did.",
)
def describe(job: str, cluster: ClusterJob | None, form: str, summarize: bool) -> None:
    """Show JOB, while it runs or later: its state and its trials, best first.

    JOB is the job's directory or URI; with --namespace or --context, the name of a job in a cluster.

    \b
    Examples:
      hptune describe out/mnist
      hptune describe out/mnist --format json
      hptune describe mnist --namespace kubeflow
    """
    status = cluster.describe() if cluster else _status(job)
    if summarize:
        console(sys.stdout).print(summary_table(status.study))
    elif form == "json":
        click.echo(to_json(job_output(status)))
    elif form == "yaml":
        click.echo(to_yaml(job_output(status)), nl=False)
    else:
        console(sys.stdout).print(trial_table(status.study))
        click.echo(f"{status.state}{': ' if status.message else ''}{status.message}")
        if cluster:
            cluster.print_names()


def _status(place: str) -> JobStatus:
    """The job in a directory of this machine, or that a cluster's left in a bucket or on a volume."""
    if is_remote(place) or (JobDir(Path(place)).study.is_file() and not JobDir(Path(place)).job.is_file()):
        return kept_status(place)
    return LocalBackend(Path(place)).describe()
