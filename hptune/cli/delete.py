"""Implements ``hptune delete``."""

from __future__ import annotations

import shlex
import sys

import click

from hptune.backends.base import Deletable, Job
from hptune.cli.options.cluster import found_job
from hptune.console.program import command_to_type
from hptune.errors import Fault, UsageError
from hptune.storage.remote import redacted


@click.command()
@found_job
@click.option("--yes", "-y", is_flag=True, help="Does not ask.")
@click.pass_context
def delete(context: click.Context, job: Job, yes: bool) -> None:
    """Deletes JOB: its directory with all that its trials wrote or, in a cluster, its Experiment and trials.

    Only a directory that holds a job and nothing else is deleted. Of a cluster's job the directory stays,
    with what is known of its trials. A job that runs is not deleted: hptune cancel stops one in a cluster.

    \b
    Examples:
      hptune delete hptune-jobs/digits
      hptune delete job --namespace kubeflow
    """
    name = context.params["job"]
    if not isinstance(job, Deletable):
        problem = (
            "is what a cluster's job left, which hptune does not delete; with --namespace it deletes JOB"
        )
        raise UsageError(Fault(redacted(name), f"{problem} in the cluster"))
    study = job.describe().study
    job.check_deletable()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(Fault("--yes", "is missing, and nobody can be asked"))
        click.confirm(f"Delete {name} with {len(study.trials)} trials?", abort=True, err=True)
    kept = job.delete()
    describe = command_to_type(f"describe {shlex.quote(redacted(kept))}")
    click.echo(f"{name} is deleted" + (f" from the cluster; what is left of it: {describe}" if kept else ""))
