"""Finds the command that was asked for; each is a module of this package."""

from __future__ import annotations

from importlib import import_module

import click

from hptune import __version__
from hptune.console.program import NAME, run_command

# Said here, so that the overview need not import every command's module.
GROUPS = {
    "Jobs": {
        "run": "Runs a tuning job on this machine.",
        "list": "Lists the jobs in a directory or a cluster.",
        "describe": "Shows a job, while it runs or later.",
        "stream-logs": "Prints what a job's trainers print.",
        "report": "Writes a page about a job: its trials and plots of them.",
        "dashboard": "Shows a job in optuna-dashboard.",
        "train": "Trains once more with a job's best parameters.",
        "delete": "Deletes a job that has ended.",
        "validate": "Checks a job file and says what it asks for.",
    },
    "Clusters": {
        "submit": "Runs a tuning job in a cluster.",
        "cancel": "Stops a job in a cluster.",
        "katib": "Prints a job as a Katib Experiment.",
        "katib-register": "Makes hptune's bandit known to a cluster's Katib.",
    },
    "Data": {
        "download": "Gets a data set, as one checked file.",
        "preprocess": "Splits a data set for tuning and the final training.",
    },
}
"""What each command does, below the titles of the overview."""
COMMANDS = tuple(sorted(name for group in GROUPS.values() for name in group))
"""The names of all commands."""


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for: Katib's alone takes half a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        # Python has a word of its own for this one.
        attribute = "list_" if name == "list" else name
        command: click.Command = getattr(import_module(f"hptune.cli.{name}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what each command does, in groups."""
        del ctx
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


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
      hptune submit job --config trainer/hptune.yaml --image IMAGE \\
          --job-dir gs://bucket/job
    """


def main() -> None:
    """Runs the command line: ends with 0, 1 for a job that failed, 2 for bad input, 130 when stopped."""
    run_command(cli, NAME)
