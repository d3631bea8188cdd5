"""``python -m hptune.trial``: runs one trial, the same on this machine and in a pod."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from hptune.console.program import PATH, run_command
from hptune.errors import Fault, UsageError
from hptune.job.submission import Program
from hptune.storage.job_dir import TrialDir
from hptune.trial.pod.encoding import decode_value
from hptune.trial.pod.inputs import Package
from hptune.trial.pod.run import Pod, run_in_pod
from hptune.trial.spec import TRAINING_INPUT_VARIABLE, TrialSpec
from hptune.trial.supervise import run_trial


def _parameters(assignments: tuple[str, ...], *, encoded: bool) -> dict[str, str]:
    faults, parameters = [], {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        try:
            parameters[name] = decode_value(value) if encoded else value
        except ValueError:
            faults.append(Fault("--parameter", f"{assignment!r} is not encoded as --encoded-parameters says"))
        if not equals or not name:
            faults.append(Fault("--parameter", f"{assignment!r} is not NAME=VALUE"))
    if faults:
        raise UsageError(faults)
    return parameters


def _training_input(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UsageError(Fault("--training-input", f"is not JSON: {error}")) from None
    if not isinstance(content, dict):
        raise UsageError(Fault("--training-input", f"is {type(content).__name__}; must be an object"))
    return content


def _directory(output: Path, state: Path, trial_id: str) -> TrialDir:
    """The trial's paths; on a volume they have its number in them."""
    return TrialDir(*(Path(str(path).replace("{trial_id}", trial_id)) for path in (output, state)))


@click.command()
@click.option("--trial-id", required=True, help="The trial's number, as the trainer is to see it.")
@click.option("--trial-prefix", default="", help="Taken off the front of --trial-id, where it is there.")
@click.option("--job-id", required=True, help="The job's name.")
@click.option("--metric", required=True, help="The objective's tag.")
@click.option("--output", type=PATH, required=True, help="The trial's own --job-dir; may hold {trial_id}.")
@click.option("--state", type=PATH, required=True, help="For outcome and measurements; may hold {trial_id}.")
@click.option("--pass-job-dir/--no-pass-job-dir", default=True, help="Whether the trainer gets --job-dir.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="One tuned value.")
@click.option(
    "--encoded-parameters", is_flag=True, help="Values are encoded, as `hptune.trial.pod.encoding` does."
)
@click.option("--module-name", help="The trainer, as a Python module.")
@click.option("--python-path", multiple=True, help="A directory for PYTHONPATH.")
@click.option("--command", multiple=True, help="The trainer, as a command, one option a token.")
@click.option(
    "--training-input", default="{}", envvar=TRAINING_INPUT_VARIABLE, help="As JSON; of the whole job."
)
@click.option("--time-limit-s", type=float, help="Seconds after which the trainer is stopped.")
@click.option("--stop-with-stdin", is_flag=True, help="Stop when standard input closes.")
@click.option("--collector-file", type=PATH, help="Measurements for Katib's File collector, format JSON.")
@click.option("--message-file", type=PATH, help="The outcome, as Kubernetes' termination message.")
@click.option("--upload-to", metavar="URI", help="The job's address, for what the trial leaves.")
@click.option("--fetch-inputs", is_flag=True, help="Fetch what the trainer's own arguments name.")
@click.option("--package", "packages", multiple=True, metavar="URI[#sha256=HEX]", help="A trainer's package.")
@click.argument("user_args", nargs=-1, type=click.UNPROCESSED)
def main(
    trial_id: str,
    trial_prefix: str,
    job_id: str,
    metric: str,
    output: Path,
    state: Path,
    pass_job_dir: bool,
    parameters: tuple[str, ...],
    encoded_parameters: bool,
    module_name: str | None,
    python_path: tuple[str, ...],
    command: tuple[str, ...],
    training_input: str,
    time_limit_s: float | None,
    stop_with_stdin: bool,
    collector_file: Path | None,
    message_file: Path | None,
    upload_to: str | None,
    fetch_inputs: bool,
    packages: tuple[str, ...],
    user_args: tuple[str, ...],
) -> None:
    """Runs one trial; the trainer's own arguments come after --.

    With any of --collector-file, --message-file, --upload-to, --fetch-inputs and --package it is in a pod.
    """
    if bool(module_name) == bool(command):
        raise click.UsageError("give either --module-name or --command")
    trial_id = trial_id.removeprefix(trial_prefix)
    spec = TrialSpec(
        trial_id=trial_id,
        job_id=job_id,
        metric=metric,
        program=Program(module_name, command, python_path),
        directory=_directory(output, state, trial_id),
        user_args=user_args,
        parameters=_parameters(parameters, encoded=encoded_parameters),
        pass_job_dir=pass_job_dir,
        training_input=_training_input(training_input),
        time_limit_s=time_limit_s,
    )
    # ML Engine had no such variable.
    os.environ.pop(TRAINING_INPUT_VARIABLE, None)
    pod = Pod(collector_file, message_file, upload_to, tuple(map(Package.parse, packages)), fetch_inputs)
    if pod == Pod():
        outcome = run_trial(spec, stop_with_stdin=stop_with_stdin)
    elif stop_with_stdin:
        raise click.UsageError("--stop-with-stdin is not for a pod")
    else:
        outcome = run_in_pod(spec, pod)
    if outcome.message:
        click.echo(f"hptune: trial {trial_id}: {outcome.message}", err=True)
    sys.exit(0 if outcome.succeeded else 1)


if __name__ == "__main__":
    run_command(main, "python -m hptune.trial")
