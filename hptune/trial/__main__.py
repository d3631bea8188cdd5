"""``python -m hptune.trial``: runs one trial, the same on this machine and in a pod."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import click

from hptune.console.program import PATH, run_command, say
from hptune.errors import describe_os_error
from hptune.storage.full_disk import EXIT_CODE, is_full
from hptune.trial.document import read_trial
from hptune.trial.forked import fork_or_spawn
from hptune.trial.outcome import Outcome
from hptune.trial.pod.run import run_in_pod
from hptune.trial.spec import TrialSpec
from hptune.trial.supervise import run_trial
from hptune.trial.trainer import spawn


@click.command()
@click.argument("file", type=PATH, required=False)
@click.option("--stop-with-stdin", is_flag=True, help="Stops the trial when standard input closes.")
@click.option(
    "--fork-from",
    type=int,
    multiple=True,
    metavar="DESCRIPTOR",
    help="Has the trainer forked by who is there; once for each task of the trial.",
)
def main(file: Path | None, stop_with_stdin: bool, fork_from: tuple[int, ...]) -> None:
    """Runs the trial that the JSON in FILE describes; without FILE, that of the variable HPTUNE_TRIAL."""
    spec = read_trial(file)
    try:
        if spec.pod:
            spec, outcome = run_in_pod(spec, spec.pod)
        else:
            start = fork_or_spawn([socket.socket(fileno=each) for each in fork_from]) if fork_from else spawn
            outcome = run_trial(spec, stop_with_stdin=stop_with_stdin, start=start)
    except OSError as error:
        if not is_full(error):
            raise
        with suppress(OSError):
            say(f"trial {spec.trial_id}: {describe_os_error(error)}")
        # At its end Python would try once more to write what could not be written.
        os._exit(EXIT_CODE)
    if outcome.remark:
        click.echo(f"hptune: trial {spec.trial_id}: {outcome.remark}", err=True)
    sys.exit(_exit_code(spec, outcome))


def _exit_code(spec: TrialSpec, outcome: Outcome) -> int:
    if spec.pod and spec.tasks and outcome.exit_code == -signal.SIGTERM:
        # As a shell tells it: the operator then makes the pod again, which another code would not have it do.
        return 128 + signal.SIGTERM
    return 0 if outcome.succeeded else 1


if __name__ == "__main__":
    run_command(main, "python -m hptune.trial")
