"""Implements ``hptune preprocess``."""

from __future__ import annotations

from pathlib import Path

import click

from hptune.console.program import PATH, SEED
from hptune.data.split import preprocess as preprocess_data


@click.command()
@click.argument("source", type=PATH)
@click.option("--tune-file", type=PATH, required=True, help="Writes the data for the trials to this .npz.")
@click.option(
    "--final-file", type=PATH, required=True, help="Writes the data for the final training to this .npz."
)
@click.option(
    "--validation-fraction",
    type=float,
    default=1 / 6,
    help="Measures trials on this share of the training part, or on the test part with 0.  [default: 1/6]",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seeds the split.")
def preprocess(
    source: Path, tune_file: Path, final_file: Path, validation_fraction: float, seed: int
) -> None:
    """Splits the data set SOURCE for tuning (train, validation) and for the final training (train, test).

    \b
    Example:
      hptune preprocess data.npz --tune-file tune.npz --final-file final.npz
    """
    summary = preprocess_data(
        source, tune_file=tune_file, final_file=final_file, validation_fraction=validation_fraction, seed=seed
    )
    validation = summary.validation_rows or f"the {summary.test_rows} of the test part"
    click.echo(f"{tune_file}: {summary.train_rows} rows to train on, {validation} to measure on")
    rows = summary.train_rows + summary.validation_rows
    click.echo(f"{final_file}: {rows} rows to train on, {summary.test_rows} to test on")
