"""Implements ``hptune delete``."""

from __future__ import annotations

import sys

import click

from hptune.backends.base import Deletable
from hptune.backends.find import find
from hptune.errors import Fault, UsageError
from hptune.storage.remote import redacted


@click.command()
@click.argument("job")
@click.option("--yes", "-y", is_flag=True, help="Does not ask.")
def delete(job: str, yes: bool) -> None:
    """Deletes the directory of JOB, with all that its trials wrote.

    Only a directory that holds a job and nothing else is deleted, and never one whose job runs. A job in a
    cluster is removed by hptune cancel.

    \b
    Example:
      hptune delete hptune-jobs/digits
    """
    found = find(job)
    if not isinstance(found, Deletable):
        problem = "is what a cluster's job left; only jobs of this machine are deleted by hptune"
        raise UsageError(Fault(redacted(job), problem))
    study = found.describe().study
    found.check_deletable()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(Fault("--yes", "is missing, and nobody can be asked"))
        click.confirm(f"Delete {job} with {len(study.trials)} trials?", abort=True, err=True)
    found.delete()
    click.echo(f"{job} is deleted")
