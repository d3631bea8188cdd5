"""Implements ``hptune validate``."""

from __future__ import annotations

from pathlib import Path

import click

from hptune.console.program import PATH, warn
from hptune.console.progress import parameter_text
from hptune.job.tuning_job import load_job


@click.command()
@click.argument("file", type=PATH)
def validate(file: Path) -> None:
    """Check the job file FILE and say what it asks for.

    \b
    Example:
      hptune validate trainer/hptune.yaml
    """
    job = load_job(file)
    warn(job.warnings)
    trials = f"{job.max_trials} trial{'s' if job.max_trials > 1 else ''}"
    click.echo(f"{file}: {job.goal.lower()} {job.metric} in {trials} over")
    for parameter in job.space:
        click.echo(f"  {parameter_text(parameter)}")
