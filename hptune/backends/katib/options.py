"""What a cluster is told that a job file does not say, declared once.

The options of the command line, the ``katib`` parameter of a pipeline, what is allowed in both and the
Experiment all come from the fields of `KatibOptions`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import NoneType
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from hptune import __version__
from hptune.backends.katib.experiment import names
from hptune.backends.katib.quantities import MIB, read_bytes, read_cpus
from hptune.errors import Fault, UsageError
from hptune.job.tuning_job import TuningJob

DEFAULT_IMAGE = f"hptune/trainer:{__version__}"
"""What ``images/Dockerfile`` builds as ``trainer``; a deployment gives it its own address."""
DEFAULT_TF1_IMAGE = f"hptune/trainer-tf1:{__version__}"
"""What it builds as ``trainer-tf1``, for ``--runtime tf1`` and ``keras2``."""
DEFAULT_HPTUNE_IMAGE = f"hptune/hptune:{__version__}"
"""What it builds as ``hptune``."""

ANY_ACCELERATOR = "any"
"""Stands for whichever GPU a node has."""


class KatibAlgorithm(StrEnum):
    """What suggests the trials of a job whose algorithm is left to the service."""

    BAYESIAN = "bayesianoptimization"
    """Katib's own, scikit-optimize."""
    BANDIT = names.BANDIT
    """hptune's suggestion service, which must be registered with the cluster."""


@dataclass(frozen=True)
class Option:
    """What people read of a field.

    Attributes:
        help: What the option does, for ``--help``.
        unset: What holds where it is not given and the field has no default of its own.
        metavar: What its value is called, where its type does not say.
        flags: The option's flags, where they are not the field's name.
    """

    help: str
    unset: str = ""
    metavar: str | None = None
    flags: tuple[str, ...] = ()


def _allowed(words: str) -> WrapValidator:
    """Refuses a value in the words of hptune, whatever pydantic has against it."""

    def check(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        # JSON's true is no number, though Python takes it for one.
        if isinstance(value, bool):
            raise _refusal(value, words)
        try:
            return handler(value)
        except ValidationError:
            raise _refusal(value, words) from None

    return WrapValidator(check)


def _read_flag(value: object, _: ValidatorFunctionWrapHandler) -> bool:
    if not isinstance(value, bool):
        raise _refusal(value, "true or false")
    return value


def _refusal(value: object, words: str) -> PydanticCustomError:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    problem = f"is {value}; must be {words}" if number else f"{value!r} is not allowed (must be {words})"
    return PydanticCustomError("not_allowed", "{problem}", {"problem": problem})


_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"

Namespace = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
    _allowed("letters a-z, digits and '-', 63 at most"),
]
Name = Annotated[
    str, StringConstraints(pattern=_SUBDOMAIN, max_length=253), _allowed("letters a-z, digits, '-' and '.'")
]
Image = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$"),
    _allowed("an image, such as hptune/trainer:0.1.0"),
]
MountPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_.-]+)+$"), _allowed("an absolute path")]
LabelName = Annotated[str, StringConstraints(pattern=_LABEL_KEY), _allowed("a label's name")]
LabelValue = Annotated[str, StringConstraints(pattern=_LABEL_VALUE), _allowed("a label's value")]
Flag = Annotated[bool, WrapValidator(_read_flag)]
Labels = Mapping[LabelName, LabelValue]
Algorithm = Annotated[KatibAlgorithm, _allowed(" or ".join(KatibAlgorithm))]
Count = Annotated[int, Field(ge=0), _allowed("a whole number, at least 0")]
Cpus = Annotated[
    float,
    Field(ge=0.001, allow_inf_nan=False),
    BeforeValidator(read_cpus),
    _allowed("a number of CPUs, at least 0.001, such as 2 or 500m"),
]
Size = Annotated[
    int,
    Field(ge=MIB),
    BeforeValidator(read_bytes),
    _allowed("an amount of memory, at least 1Mi, such as 512Mi or 16Gi"),
]


@dataclass(frozen=True)
class KatibOptions:
    """Where and how the trials of a job run; the defaults suit a cluster of ``manifests/``.

    Nothing is checked when one is made, so that `faults` can be told together with those of the job.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    namespace: Annotated[Namespace, Option("Makes the Experiment in this namespace.")] = "kubeflow"
    image: Annotated[
        Image | None,
        Option(
            "Runs the trials in this image, which has hptune and the trainer.",
            unset=f"the job's own, else {DEFAULT_IMAGE}",
        ),
    ] = None
    hptune_image: Annotated[
        Image,
        Option(
            "Takes hptune's trial program from this image, where the trials run in an image of the job's own "
            "that has none."
        ),
    ] = DEFAULT_HPTUNE_IMAGE
    image_pull_secret: Annotated[
        Name | None, Option("Pulls the image with this secret, from a private registry.")
    ] = None
    algorithm: Annotated[
        Algorithm,
        Option(
            "Suggests the trials where the job file leaves the algorithm open. bayesianoptimization is "
            "Katib's own; gp-bandit is hptune's, which must be registered with the cluster."
        ),
    ] = KatibAlgorithm.BAYESIAN
    service_account: Annotated[
        Name | None, Option("Runs the trials' pods as this service account.", unset="the namespace's")
    ] = None
    secret: Annotated[
        Name | None, Option("Gives the trainer the entries of this secret as environment variables.")
    ] = None
    keep_addresses: Annotated[
        Flag,
        Option(
            "Passes addresses of buckets as they are, the trial's in --job-dir among them, to trainers that "
            "read and write there themselves."
        ),
    ] = False
    volume_claim: Annotated[
        Name | None,
        Option(
            "Mounts this persistent volume claim in all trials. Trials that run at once need ReadWriteMany."
        ),
    ] = None
    mount_path: Annotated[MountPath, Option("Mounts the volume at this path.")] = "/mnt/hptune"
    gpus: Annotated[Count | None, Option("Gives each trial this many GPUs.", unset="the machine's")] = None
    accelerator: Annotated[
        LabelValue | None,
        Option(
            "Gives the trials GPUs of this type, as GKE names it, such as nvidia-l4; "
            f"{ANY_ACCELERATOR} takes those that a node has.",
            unset="the machine's",
        ),
    ] = None
    cpu: Annotated[
        Cpus | None,
        Option(
            "Asks for this many CPUs for each trial.", unset="what a node of the machine has", metavar="CPUS"
        ),
    ] = None
    memory_bytes: Annotated[
        Size | None,
        Field(alias="memory"),
        Option(
            "Asks for this much memory for each trial, such as 16Gi, and ends a trial that takes more.",
            unset="what a node of the machine has, without a limit",
            metavar="SIZE",
        ),
    ] = None
    shared_memory_bytes: Annotated[
        Size | None,
        Field(alias="shared_memory"),
        Option("Gives /dev/shm this size, such as 2Gi.", unset="half of the memory", metavar="SIZE"),
    ] = None
    node_selector: Annotated[
        Labels, Option("Runs the trials on nodes that have this label.", metavar="LABEL=VALUE")
    ] = field(default_factory=dict)
    labels: Annotated[
        Labels,
        Option(
            "Gives the Experiment and its pods this label.",
            metavar="NAME=VALUE",
            flags=("--label", "--labels"),
        ),
    ] = field(default_factory=dict)
    priority_class: Annotated[
        Name | None, Option("Runs the trials' pods with this priority class.", unset="the cluster's")
    ] = None

    @classmethod
    def read(cls, values: Mapping[str, object], place: str = "katib") -> KatibOptions:
        """Reads the options that a JSON object names.

        Args:
            values: Values of fields by their `Declared.key`. Whole numbers may be floats, as KFP makes them;
                null and empty texts leave a field open, as in KFP's form.
            place: What to call the object in messages.

        Raises:
            UsageError: It holds something else; carries every fault, by field.
        """
        given = {key: value for key, value in values.items() if value not in (None, "")}
        try:
            return _ADAPTER.validate_python(given)
        except ValidationError as error:
            raise UsageError(
                [Fault(f"{place}.{_key(each)}", _problem(each)) for each in error.errors()]
            ) from None

    @classmethod
    def form(cls) -> dict[str, Any]:
        """Returns all options with their defaults, as `read` takes them; empty texts where there is none."""
        values: dict[str, Any] = _ADAPTER.dump_python(cls(), mode="json", by_alias=True)
        return {key: "" if value is None else value for key, value in values.items()}

    def gpu_count(self, job: TuningJob) -> int:
        """Returns the GPUs of a trial of ``job``."""
        return job.machine.gpu_count if self.gpus is None else self.gpus

    def gke_accelerator(self, job: TuningJob) -> str | None:
        """Returns the value of GKE's node label for the GPUs of ``job``'s trials; None for any node."""
        if not self.gpu_count(job) or self.accelerator in ("", ANY_ACCELERATOR):
            return None
        return self.accelerator or job.machine.gke_accelerator

    def faults(self) -> list[Fault]:
        """Says what of the options is not allowed, each looked at by itself and named as its flag."""
        values = {each.key: getattr(self, each.field) for each in DECLARED}
        try:
            _ADAPTER.validate_python(values)
        except ValidationError as error:
            flags = {each.key: each.flags[0] for each in DECLARED}
            return [Fault(flags[_key(each)], _problem(each)) for each in error.errors()]
        return []


@dataclass(frozen=True)
class Declared:
    """A field of `KatibOptions`, for those who offer it to people.

    Attributes:
        field: The field's name.
        key: The field's name in JSON.
        option: What people read of it.
        type: The field's Python type.
        reader: Makes what is meant of a text that this type does not read; None where there is none.
        default: The field's value where it is not given.
    """

    field: str
    key: str
    option: Option
    type: type
    reader: Callable[[object], object] | None
    default: object

    @property
    def flags(self) -> tuple[str, ...]:
        """Its flags on the command line."""
        return self.option.flags or (f"--{self.key.replace('_', '-')}",)


def _declared() -> Iterator[Declared]:
    hints, defaults = get_type_hints(KatibOptions, include_extras=True), KatibOptions()
    for each in fields(KatibOptions):
        base, marks = _unwrap(hints[each.name])
        aliases = [mark.alias for mark in marks if getattr(mark, "alias", None)]
        yield Declared(
            field=each.name,
            key=aliases[0] if aliases else each.name,
            option=next(mark for mark in marks if isinstance(mark, Option)),
            type=base,
            reader=next((_function(mark) for mark in marks if isinstance(mark, BeforeValidator)), None),
            default=getattr(defaults, each.name),
        )


def _unwrap(hint: Any) -> tuple[type, list[Any]]:  # noqa: ANN401  (whatever typing makes of a hint)
    """Returns the type below ``Annotated`` and ``| None``, and what it is annotated with."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        base, more = _unwrap(inner)
        return base, [*marks, *more]
    if NoneType in get_args(hint):
        return _unwrap(next(arm for arm in get_args(hint) if arm is not NoneType))
    return get_origin(hint) or hint, []


def _function(validator: BeforeValidator) -> Callable[[object], object]:
    function: Any = validator.func
    return function  # type: ignore[no-any-return]


def _key(error: ErrorDetails) -> str:
    return str(error["loc"][0])


def _problem(error: ErrorDetails) -> str:
    if error["type"] == "unexpected_keyword_argument":
        keys = [each.key for each in DECLARED]
        near = difflib.get_close_matches(_key(error), keys, n=1)
        return (
            f"is unknown; did you mean {near[0]}?"
            if near
            else f"is unknown; must be one of {', '.join(keys)}"
        )
    if error["type"] == "not_allowed":
        return error["msg"]
    return f"{error['input']!r} is not allowed (must be a mapping of texts)"


_ADAPTER = TypeAdapter(KatibOptions)
DECLARED = tuple(_declared())
"""Each field of `KatibOptions`, in order."""
