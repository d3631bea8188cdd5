"""What a cluster must be told besides the job, as options of a command."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

import click

from hptune.backends.katib.options import DEFAULT_IMAGE, KatibAlgorithm, KatibOptions

F = TypeVar("F", bound=Callable[..., object])

_UNITS: dict[str, int] = {"": 1, **{f"{unit}i": 1024**i for i, unit in enumerate("KMGT", start=1)}}


def _bytes(_: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """An amount of memory as Kubernetes writes it: 512Mi, 16Gi."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,15})((?:[KMGT]i)?)", value, re.ASCII)
    if match is None:
        raise click.BadParameter(f"{value!r} is not an amount of memory, such as 512Mi or 16Gi", param=param)
    amount, unit = match.groups()
    return int(amount) * _UNITS[unit]


def _pairs(_: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE``, several of them with commas in between, as gcloud took them."""
    pairs = {}
    for value in (part for each in values for part in each.split(",")):
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", param=param)
        pairs[name] = text
    return pairs


_DEFAULTS = KatibOptions()
_OPTIONS = (
    click.option("--namespace", default=_DEFAULTS.namespace, show_default=True, help="Of the Experiment."),
    click.option("--image", help=f"Has hptune and the trainer.  [default: {DEFAULT_IMAGE}]"),
    click.option("--image-pull-secret", help="The secret for a private registry."),
    click.option(
        "--algorithm",
        type=click.Choice([each.value for each in KatibAlgorithm]),
        default=_DEFAULTS.algorithm.value,
        show_default=True,
        help="What suggests trials where the job file leaves it open: Katib's own, or hptune's, which must "
        "be registered with the cluster.",
    ),
    click.option("--service-account", help="The pods'.  [default: the namespace's]"),
    click.option("--secret", help="A secret whose entries the trainer gets as environment variables."),
    click.option("--volume-claim", help="A volume that all trials mount."),
    click.option("--mount-path", default=_DEFAULTS.mount_path, show_default=True, help="Where they do."),
    click.option("--gpus", type=int, help="GPUs of a trial.  [default: the machine's]"),
    click.option("--accelerator", help="GKE's name of the GPU; '' for any.  [default: the machine's]"),
    click.option("--cpu", type=float, help="CPUs a trial asks for.  [default: a node's of that machine]"),
    click.option(
        "--memory",
        "memory_bytes",
        callback=_bytes,
        metavar="SIZE",
        help="Memory it asks for, such as 16Gi.  [default: a node's]",
    ),
    click.option(
        "--shared-memory",
        "shared_memory_bytes",
        callback=_bytes,
        metavar="SIZE",
        help="Size of /dev/shm.  [default: half of the memory]",
    ),
    click.option(
        "--node-selector",
        multiple=True,
        callback=_pairs,
        metavar="LABEL=VALUE",
        help="A label that nodes must have; may be repeated.",
    ),
    click.option(
        "--label",
        "--labels",
        "labels",
        multiple=True,
        callback=_pairs,
        metavar="NAME=VALUE",
        help="A label of the Experiment and its pods; may be repeated.",
    ),
    click.option("--priority-class", help="The pods'."),
)


def katib_options(function: F) -> F:
    """Adds an option for each field of `KatibOptions`; the command gets them all as ``options``."""

    @wraps(function)
    def command(**values: Any) -> object:  # noqa: ANN401  (of whatever types the command's options are)
        given = {field.name: values.pop(field.name) for field in fields(KatibOptions)}
        algorithm = KatibAlgorithm(given.pop("algorithm"))
        return function(**values, options=KatibOptions(**given, algorithm=algorithm))

    for option in reversed(_OPTIONS):
        command = option(command)
    return command  # type: ignore[return-value]
