"""Finds the command that was asked for; each is a module of this package."""

from __future__ import annotations

from importlib import import_module

import click

from hptune import __version__
from hptune.console.program import run_command

_COMMANDS = (
    "cancel",
    "describe",
    "download",
    "katib",
    "katib-register",
    "preprocess",
    "report",
    "run",
    "stream-logs",
    "submit",
    "train",
    "validate",
)


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for: Katib's alone takes half a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"hptune.cli.{name}"), name)
        return command


@click.group(
    cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__)
def cli() -> None:
    """Runs Cloud ML Engine hyperparameter tuning jobs where they can still run.

    \b
    Examples:
      hptune validate trainer/hptune.yaml
      hptune run job --config trainer/hptune.yaml --package-path trainer \\
          --module-name trainer.task --job-dir out/job -- --train-file data.npz
      hptune describe out/job
      hptune submit job --config trainer/hptune.yaml --image IMAGE --job-dir gs://bucket/job
    """


def main() -> None:
    """Runs the command line: ends with 0, 1 for a job that failed, 2 for bad input, 130 when stopped."""
    run_command(cli, "hptune")
