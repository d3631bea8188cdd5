"""What commands share of gcloud's: its flags, lists with commas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from hptune.cli.options.grouped import GroupedOption
from hptune.job.document import FieldPath
from hptune.job.overrides import Override
from hptune.job.submission import Final

F = TypeVar("F", bound=Callable[..., object])


# Flags of `gcloud ai-platform jobs submit training`, that set a field of the training input here too.
_FIELDS: dict[str, FieldPath] = {
    "master-image-uri": ("masterConfig", "imageUri"),
    "master-machine-type": ("masterType",),
    # Of `gcloud ai hp-tuning-jobs create`.
    "max-trial-count": ("hyperparameters", "maxTrials"),
    "parallel-trial-count": ("hyperparameters", "maxParallelTrials"),
    "parameter-server-count": ("parameterServerCount",),
    "parameter-server-image-uri": ("parameterServerConfig", "imageUri"),
    "parameter-server-machine-type": ("parameterServerType",),
    "runtime-version": ("runtimeVersion",),
    "scale-tier": ("scaleTier",),
    "use-chief-in-tf-config": ("useChiefInTfConfig",),
    "worker-count": ("workerCount",),
    "worker-image-uri": ("workerConfig", "imageUri"),
    "worker-machine-type": ("workerType",),
}
_ACCELERATORS: dict[str, FieldPath] = {
    "master-accelerator": ("masterConfig", "acceleratorConfig"),
    "parameter-server-accelerator": ("parameterServerConfig", "acceleratorConfig"),
    "worker-accelerator": ("workerConfig", "acceleratorConfig"),
}
# Those that mean something only on Google's machines.
_VALUE_FLAGS = (
    "account",
    "display-name",
    "kms-key",
    "kms-keyring",
    "kms-location",
    "kms-project",
    "labels",
    "project",
    "python-version",
    "region",
    "service-account",
    "staging-bucket",
    "verbosity",
)
_SWITCHES = (("--async",), ("--enable-web-access",), ("--quiet", "-q"))


@dataclass(frozen=True)
class GcloudFlags:
    """Those of gcloud's flags that a command takes for its command line to work as written.

    Attributes:
        overrides: The fields of the training input that they set.
        without_effect: The others that were given, as they were written.
    """

    overrides: tuple[Override, ...]
    without_effect: tuple[str, ...]


def comma_separated(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Splits several values in one, as gcloud took them; an option's callback."""
    return tuple(filter(None, value.split(","))) if value else ()


FINAL = click.option(
    "--final",
    cls=GroupedOption,
    group="Trials",
    type=click.Choice([each.value for each in Final], case_sensitive=False),
    callback=lambda _, __, value: Final(value) if value else None,
    help="Judges a trial by its last report, as the service did, or by its best one.  "
    "[default: what the job file says, or last]",
)
SWITCHES = click.option(
    "--switch",
    "switches",
    cls=GroupedOption,
    group="Trainer",
    multiple=True,
    metavar="PARAMETER",
    help="Passes this parameter, True or False, as a flag without a value. May be repeated.",
)


def accept_gcloud_flags(*own: str) -> Callable[[F], F]:
    """Takes gcloud's other flags, so that its command line works as written; the command gets ``flags``.

    Args:
        own: Those that the command has a use for, and takes itself.
    """
    options = [
        *(click.option(f"--{name}", hidden=True, multiple=True) for name in _VALUE_FLAGS if name not in own),
        *(click.option(*names, hidden=True, is_flag=True) for names in _SWITCHES if names[0][2:] not in own),
    ]
    names = [name for name in (*_VALUE_FLAGS, *(names[0][2:] for names in _SWITCHES)) if name not in own]

    def add(function: F) -> F:
        @wraps(function)
        def command(**values: Any) -> object:  # noqa: ANN401  (of whatever types the command's options are)
            ignored = [f"--{name}" for name in names if values.pop(name.replace("-", "_"))]
            flags = GcloudFlags(_overrides(values), tuple(sorted(ignored)))
            return function(**values, flags=flags)

        for option in (*options, *_field_options()):
            command = option(command)
        return command  # type: ignore[return-value]

    return add


def _field_options() -> list[Callable[[F], F]]:
    chief = "use-chief-in-tf-config"
    return [
        *(click.option(f"--{name}", hidden=True) for name in _FIELDS if name != chief),
        # The flag alone is a yes.
        click.option(f"--{chief}", hidden=True, is_flag=False, flag_value="true"),
        *(click.option(f"--{name}", hidden=True, callback=_accelerator) for name in _ACCELERATORS),
    ]


def _accelerator(_: click.Context, param: click.Parameter, value: str | None) -> dict[str, str]:
    """Reads ``count=4,type=nvidia-tesla-k80``; what there is no name for stays as it is."""
    pairs = dict(part.partition("=")[::2] for part in value.split(",")) if value else {}
    if not pairs.keys() <= {"count", "type"} or not all(pairs.values()):
        raise click.BadParameter(f"{value!r} is not count=COUNT,type=TYPE", param=param)
    return pairs


def _overrides(values: dict[str, Any]) -> tuple[Override, ...]:
    """Takes the flags that set fields out of ``values``."""
    given = {name: values.pop(name.replace("-", "_")) for name in _FIELDS}
    accelerators: dict[str, dict[str, str]] = {
        name: values.pop(name.replace("-", "_")) for name in _ACCELERATORS
    }
    machine_alone = given["master-machine-type"] is not None and given["scale-tier"] is None
    fields = [
        *([("--master-machine-type", _FIELDS["scale-tier"], "CUSTOM")] if machine_alone else ()),
        *((f"--{name}", _FIELDS[name], value) for name, value in given.items() if value is not None),
        *(
            (f"--{name}", (*_ACCELERATORS[name], field), value)
            for name, accelerator in accelerators.items()
            for field, value in accelerator.items()
        ),
    ]
    # gcloud spelt what it gave a choice of in small letters and dashes: basic-gpu, nvidia-tesla-k80.
    chosen = {"--scale-tier", *(f"--{name}" for name in _ACCELERATORS)}
    return tuple(
        Override(flag, path, value.upper().replace("-", "_") if flag in chosen else value)
        for flag, path, value in fields
    )
