"""``python -m hptune.trial``: runs one trial, the same on this machine and in a pod."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from hptune.errors import HptuneError
from hptune.jobdir import TrialDir
from hptune.trial.spec import Program, TrialSpec
from hptune.trial.supervise import run_trial


def _split(assignment: str) -> tuple[str, str]:
    name, equals, value = assignment.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{assignment!r} is not NAME=VALUE", param_hint="--parameter")
    return name, value


@click.command()
@click.option("--trial-id", required=True, help="The trial's number, as the trainer is to see it.")
@click.option("--job-id", required=True, help="The job's name.")
@click.option("--metric", required=True, help="The objective's tag.")
@click.option("--output", type=Path, required=True, help="The trial's own --job-dir.")
@click.option("--state", type=Path, required=True, help="Where the outcome and the measurements are kept.")
@click.option("--pass-job-dir/--no-pass-job-dir", default=True, help="Whether the trainer gets --job-dir.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="One tuned value.")
@click.option("--module-name", help="The trainer, as a Python module.")
@click.option("--python-path", multiple=True, help="A directory for PYTHONPATH.")
@click.option("--command", multiple=True, help="The trainer, as a command, one option a token.")
@click.option("--training-input", default="{}", help="The job's training input, as JSON.")
@click.option("--time-limit-s", type=float, help="Seconds after which the trainer is stopped.")
@click.option("--stop-with-stdin", is_flag=True, help="Stop when standard input closes.")
@click.argument("user_args", nargs=-1, type=click.UNPROCESSED)
def main(
    trial_id: str,
    job_id: str,
    metric: str,
    output: Path,
    state: Path,
    pass_job_dir: bool,
    parameters: tuple[str, ...],
    module_name: str | None,
    python_path: tuple[str, ...],
    command: tuple[str, ...],
    training_input: str,
    time_limit_s: float | None,
    stop_with_stdin: bool,
    user_args: tuple[str, ...],
) -> None:
    """Runs one trial; the trainer's own arguments come after --."""
    if bool(module_name) == bool(command):
        raise click.UsageError("give either --module-name or --command")
    spec = TrialSpec(
        trial_id=trial_id,
        job_id=job_id,
        metric=metric,
        program=Program(module_name, command, python_path),
        directory=TrialDir(output, state),
        user_args=user_args,
        parameters=dict(map(_split, parameters)),
        pass_job_dir=pass_job_dir,
        training_input=json.loads(training_input),
        time_limit_s=time_limit_s,
    )
    try:
        outcome = run_trial(spec, stop_with_stdin=stop_with_stdin)
    except HptuneError as error:
        click.echo(f"hptune: {error}", err=True)
        sys.exit(error.exit_code)
    if outcome.message:
        click.echo(f"hptune: trial {trial_id}: {outcome.message}", err=True)
    sys.exit(0 if outcome.succeeded else 1)


if __name__ == "__main__":
    main()
