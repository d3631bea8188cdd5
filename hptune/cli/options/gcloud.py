"""What commands share: types of options, and parts that gcloud's commands had and click has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


_USER_ARGS = "hptune.user_args"

# Flags of `gcloud ai-platform jobs submit training` that mean something only on Google's machines.
_VALUE_FLAGS = (
    "account",
    "kms-key",
    "kms-keyring",
    "kms-location",
    "kms-project",
    "labels",
    "master-accelerator",
    "master-image-uri",
    "master-machine-type",
    "parameter-server-accelerator",
    "parameter-server-count",
    "parameter-server-image-uri",
    "parameter-server-machine-type",
    "project",
    "python-version",
    "region",
    "runtime-version",
    "scale-tier",
    "service-account",
    "staging-bucket",
    "use-chief-in-tf-config",
    "verbosity",
    "worker-accelerator",
    "worker-count",
    "worker-image-uri",
    "worker-machine-type",
)
_SWITCHES = (("--async",), ("--enable-web-access",), ("--quiet", "-q"))


class UserArgsCommand(click.Command):
    """A command that keeps what follows ``--`` for a trainer, as gcloud's did.

    click would hand the trainer's first argument to an optional positional of the command.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cuts the trainer's arguments off; None in `user_args` where there is no ``--``."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta[_USER_ARGS] = tuple(args[cut + 1 :])
            args = args[:cut]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Shows where the trainer's arguments go."""
        return [*super().collect_usage_pieces(ctx), "[-- USER_ARGS...]"]


def user_args() -> tuple[str, ...] | None:
    """The trainer's arguments of the command that runs; None where it had no ``--``."""
    args: tuple[str, ...] | None = click.get_current_context().meta.get(_USER_ARGS)
    return args


def comma_separated(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Several values in one, as gcloud took them; an option's callback."""
    return tuple(filter(None, value.split(","))) if value else ()


def accept_gcloud_flags(*own: str) -> Callable[[F], F]:
    """Takes gcloud's other flags, so that its command line works as written.

    Args:
        own: Those that the command has a use for, and takes itself.
    """

    def add(function: F) -> F:
        for name in reversed(_VALUE_FLAGS):
            if name not in own:
                function = click.option(f"--{name}", hidden=True, multiple=True)(function)
        for names in reversed(_SWITCHES):
            if names[0].removeprefix("--") not in own:
                function = click.option(*names, hidden=True, is_flag=True)(function)
        return function

    return add


def given_names(flags: dict[str, Any]) -> list[str]:
    """Those of gcloud's other flags that were given, as they were written."""
    return sorted(f"--{name.replace('_', '-')}" for name, value in flags.items() if value)
