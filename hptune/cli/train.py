"""Implements ``hptune train``."""

from __future__ import annotations

from pathlib import Path

import click

from hptune.cli.options.grouped import UserArgsCommand, user_args
from hptune.console.program import PATH
from hptune.results.tables import assignments
from hptune.steps.train import train as train_best


@click.command(cls=UserArgsCommand)
@click.argument("job_dir", type=PATH)
def train(job_dir: Path) -> None:
    """Trains once more with the best parameters of the job in JOB_DIR.

    The trainer's arguments are the job's own, or those after --, with the data for this training.

    \b
    Example:
      hptune train out/job -- --train-file final.npz
    """
    final = train_best(job_dir, user_args())
    measured = f"{final.metric} {final.measurement.value:.6g}"
    click.echo(f"trained with trial {final.best.id}'s {assignments(final.best)}: {measured}")
    click.echo(f"model: {final.output}\nlog:   {final.log}")
