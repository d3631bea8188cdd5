"""Implements ``hptune cancel``."""

from __future__ import annotations

import click

from hptune.cli.options.cluster import CONTEXT, DEFAULT_NAMESPACE, ClusterJob


@click.command()
@click.argument("job")
@click.option("--namespace", default=DEFAULT_NAMESPACE, show_default=True, help="Where the job is.")
@click.option("--record", help="Directory or URI for what is known of the trials.  [default: its --job-dir]")
@CONTEXT
def cancel(job: str, namespace: str, record: str | None, context: str | None) -> None:
    """Stop the job of a cluster named JOB, and remove it there.

    What is known of its trials is written down first; if it cannot be, nothing is stopped. A job of this
    machine is stopped by Ctrl-C where it runs.

    \b
    Example:
      hptune cancel mnist --namespace kubeflow
    """
    place = ClusterJob(job, namespace, context).backend().cancel(record)
    click.echo(f"{job} is removed from the cluster; its trials: hptune describe {place}")
