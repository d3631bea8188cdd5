"""Implements ``hptune validate``."""

from __future__ import annotations

from pathlib import Path

import click

from hptune.cli.options.gcloud import GcloudFlags, accept_gcloud_flags
from hptune.console.program import PATH, warn
from hptune.console.progress import parameter_text
from hptune.job.replicas import described
from hptune.job.tuning_job import load_job


@click.command()
@click.argument("file", type=PATH)
@accept_gcloud_flags()
def validate(file: Path, flags: GcloudFlags) -> None:
    """Checks the job file FILE and says what it asks for; gcloud's flags set its fields, as for a run.

    \b
    Example:
      hptune validate trainer/hptune.yaml
    """
    job = load_job(file, flags.overrides)
    warn(job.warnings)
    if flags.without_effect:
        warn([f"without effect outside Cloud ML Engine: {', '.join(flags.without_effect)}"])
    trials = f"{job.max_trials} trial{'s' if job.max_trials > 1 else ''}"
    click.echo(f"{file}: {job.goal.lower()} {job.metric} in {trials} over")
    for parameter in job.space:
        click.echo(f"  {parameter_text(parameter)}")
    if job.replicas:
        click.echo(f"  each trial has {described(job.task_counts)}")
