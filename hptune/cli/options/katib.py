"""What a cluster must be told besides the job, as options of a command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial, wraps
from typing import Any, TypeVar

import click

from hptune.backends.katib.options import DECLARED, Declared, KatibOptions
from hptune.cli.options.grouped import GroupedOption

F = TypeVar("F", bound=Callable[..., object])


class _Quantity(click.ParamType[Any]):
    """A number with a unit, as Kubernetes writes it."""

    def __init__(self, declared: Declared) -> None:
        self.name = declared.key
        self._declared = declared

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        read = self._declared.reader(value) if self._declared.reader else value
        try:
            return self._declared.type(read)
        except ValueError:
            self.fail(f"{value!r} is not a quantity, such as 2, 500m, 512Mi or 16Gi", param, ctx)


def _pairs(_: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Reads ``NAME=VALUE``, several of them with commas in between, as gcloud took them."""
    pairs = {}
    for value in (part for each in values for part in each.split(",")):
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", param=param)
        pairs[name] = text
    return pairs


def _option(declared: Declared) -> Callable[[F], F]:
    """Makes the option that sets a field."""
    option, default = declared.option, declared.default
    unset = f"  [default: {option.unset}]" if option.unset else ""
    kind: dict[str, Any]
    in_cluster = partial(click.option, cls=GroupedOption, group="Cluster")
    if issubclass(declared.type, Mapping):
        return in_cluster(
            *declared.flags,
            declared.field,
            multiple=True,
            callback=_pairs,
            metavar=option.metavar,
            help=f"{option.help} May be repeated.",
        )
    if declared.type is bool:
        return click.option(*declared.flags, declared.field, is_flag=True, help=option.help)
    if issubclass(declared.type, StrEnum):
        members: Any = declared.type
        choices = click.Choice([str(each) for each in members])
        kind = {"type": choices, "default": str(default), "callback": lambda _, __, value: members(value)}
    else:
        kind = {"type": _Quantity(declared) if declared.reader else declared.type, "default": default}
    return in_cluster(
        *declared.flags,
        declared.field,
        **kind,
        show_default=default is not None,
        metavar=option.metavar,
        help=option.help + unset,
    )


def katib_options(function: F) -> F:
    """Adds an option for each field of `KatibOptions`; the command gets them all as ``options``."""

    @wraps(function)
    def command(**values: Any) -> object:  # noqa: ANN401  (of whatever types the command's options are)
        given = {each.field: values.pop(each.field) for each in DECLARED}
        return function(**values, options=KatibOptions(**given))

    for declared in reversed(DECLARED):
        command = _option(declared)(command)
    return command  # type: ignore[return-value]
