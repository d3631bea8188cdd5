"""A job as gcloud's flags describe it, as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial, wraps
from typing import Any, TypeVar

import click

from hptune.cli.options.gcloud import (
    FINAL,
    SWITCHES,
    GcloudFlags,
    accept_gcloud_flags,
    comma_separated,
)
from hptune.cli.options.grouped import GroupedOption, user_args
from hptune.console.program import PATH, SEED
from hptune.job.request import Request
from hptune.job.runtime import RuntimeKind

F = TypeVar("F", bound=Callable[..., object])

_trials = partial(click.option, cls=GroupedOption, group="Trials")
_trainer = partial(click.option, cls=GroupedOption, group="Trainer")


def job_request(*own: str, package_path: str, packages: str, job_dir: str) -> Callable[[F], F]:
    """Adds the argument JOB and the flags of a job; the command gets them all as ``request``.

    Those of gcloud's flags that have no effect it gets as ``without_effect``.

    Args:
        own: Those that the command has a use for, and takes itself.
        package_path: Help for --package-path, which means something else on this machine than in a cluster.
        packages: Help for --packages, likewise.
        job_dir: Help for --job-dir, likewise.
    """
    # Each is named as its field is.
    names = [field.name for field in fields(Request) if field.name not in ("user_args", "overrides")]
    options = (
        click.argument("name", metavar="[JOB]", required=False),
        _trials("--config", type=PATH, required=True, help="Reads the job from this file, hptune.yaml."),
        _trainer("--module-name", help="Runs this module as the trainer, such as trainer.task."),
        _trainer(
            "--command", metavar="LINE", help="Runs this command as the trainer, such as 'python task.py'."
        ),
        _trainer("--package-path", type=PATH, help=package_path),
        _trainer("--packages", callback=comma_separated, help=packages),
        _trials("--job-dir", help=job_dir),
        _trainer(
            "--runtime",
            type=click.Choice(list(RuntimeKind), case_sensitive=False),
            help="Runs the trainer in this runtime.  [default: the one it was written for]",
        ),
        _trainer("--python", metavar="PATH", help="Runs the trainer with this Python interpreter."),
        _trainer(
            "--docker-flag",
            "docker_flags",
            multiple=True,
            metavar="FLAG",
            help="Passes this flag to docker run, where the trainer is an image. May be repeated.",
        ),
        SWITCHES,
        FINAL,
        _trials("--seed", type=SEED, default=0, show_default=True, help="Seeds the suggestions."),
    )

    def add(function: F) -> F:
        @wraps(function)
        def command(flags: GcloudFlags, **values: Any) -> object:  # noqa: ANN401  (of whatever types)
            given = {name: values.pop(name) for name in names}
            request = Request(**given, user_args=user_args() or (), overrides=flags.overrides)
            return function(**values, request=request, without_effect=flags.without_effect)

        for option in reversed(options):
            command = option(command)
        return accept_gcloud_flags(*own)(command)  # type: ignore[return-value]

    return add
