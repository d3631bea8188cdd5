"""Commands whose help groups their options, and tells where a trainer's arguments go."""

from __future__ import annotations

from typing import Any

import click

from hptune.console.program import warn_of

_USER_ARGS = "hptune.user_args"
_ADVICE = "the trainer's own arguments come after --"
# Names that trainers have for options of their own.
_OFTEN_THE_TRAINERS = frozenset({"--command", "--config", "--job-dir", "--labels", "--python", "--seed"})


class GroupedOption(click.Option):
    """An option that the help shows below a title.

    Args:
        attributes: What `click.Option` takes.
        group: The title.
    """

    def __init__(self, *attributes: Any, group: str, **more: Any) -> None:  # noqa: ANN401  (as click has it)
        super().__init__(*attributes, **more)
        self.group = group


class GroupedCommand(click.Command):
    """A command that shows its options in groups, in the order of their first ones."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options below the titles of their groups; those without one come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                groups.setdefault(getattr(param, "group", "Options"), []).append(record)
        last = groups.pop("Options", [])
        for title, records in (*groups.items(), ("Options", last)):
            with formatter.section(title):
                formatter.write_dl(records)


class UserArgsCommand(GroupedCommand):
    """A command that keeps what follows ``--`` for a trainer, as gcloud's did.

    click would hand the trainer's first argument to an optional positional of the command.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cuts the trainer's arguments off; None in `user_args` where there is no ``--``.

        Raises:
            click.UsageError: The rest is wrong; it says so where arguments stand on the wrong side of ``--``.
        """
        behind: list[str] = []
        if "--" in args:
            cut = args.index("--")
            args, behind = args[:cut], args[cut + 1 :]
            ctx.meta[_USER_ARGS] = tuple(behind)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(f"{error.format_message()} ({_ADVICE})", ctx) from error
        except click.MissingParameter as error:
            own = self._own_among(ctx, behind)
            lost = own & set(error.param.opts if error.param else ())
            note = (
                f" ({lost.pop()} stands behind --, where the trainer's own arguments stand)" if lost else ""
            )
            raise click.UsageError(f"{error.format_message()}{note}", ctx) from error
        except click.UsageError as error:
            if error.message.startswith("Got unexpected extra argument"):
                raise click.UsageError(f"{error.message} ({_ADVICE})", ctx) from error
            raise
        if passed_on := sorted(self._own_among(ctx, behind) - _OFTEN_THE_TRAINERS):
            warn_of(f"{', '.join(passed_on)}: passed to the trainer: {_ADVICE}")
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Shows where the trainer's arguments go."""
        return [*super().collect_usage_pieces(ctx), "[-- USER_ARGS...]"]

    def _own_among(self, ctx: click.Context, args: list[str]) -> set[str]:
        """Returns this command's options among arguments."""
        own = {name for param in self.get_params(ctx) for name in param.opts if name.startswith("--")}
        return own & {arg.partition("=")[0] for arg in args}


def user_args() -> tuple[str, ...] | None:
    """Returns the trainer's arguments of the command that runs; None where it had no ``--``."""
    args: tuple[str, ...] | None = click.get_current_context().meta.get(_USER_ARGS)
    return args
