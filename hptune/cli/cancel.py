"""Implements ``hptune cancel``."""

from __future__ import annotations

import shlex

import click

from hptune.backends.find import DEFAULT_NAMESPACE, find_in_cluster
from hptune.cli.options.cluster import CONTEXT
from hptune.console.program import command_to_type


@click.command()
@click.argument("job")
@click.option(
    "--namespace", default=DEFAULT_NAMESPACE, show_default=True, help="Finds the job in this namespace."
)
@click.option(
    "--record", help="Writes what is known of the trials to this directory or URI.  [default: the job's own]"
)
@CONTEXT
def cancel(job: str, namespace: str, record: str | None, context: str | None) -> None:
    """Stops the job of a cluster named JOB, and removes it there.

    What is known of its trials is written down first; if it cannot be, nothing is stopped. A job of this
    machine is stopped by Ctrl-C where it runs.

    \b
    Example:
      hptune cancel job --namespace kubeflow
    """
    place = find_in_cluster(job, namespace, context).cancel(record)
    describe = command_to_type(f"describe {shlex.quote(place)}")
    click.echo(f"{job} is removed from the cluster; its trials: {describe}")
