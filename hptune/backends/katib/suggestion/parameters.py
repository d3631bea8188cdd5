"""Reads Katib's parameter specs as parameters of ours, and writes values as Katib spells them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import islice

from hptune.backends.katib.suggestion import api_pb2 as api
from hptune.errors import Fault, InputError
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, Parameter, Value, format_number

# Of a range with a step.
MAX_MEMBERS = 4096
MAX_PARAMETERS = 1000
# Of all lists together.
MAX_LISTED = 10_000
_MAX_INTEGER = 2**63 - 1
# Names that a message lists.
_SHOWN = 20
_SCALES = {
    api.DISTRIBUTION_UNSPECIFIED: Scale.LINEAR,
    api.UNIFORM: Scale.LINEAR,
    api.LOG_UNIFORM: Scale.LOG,
}


@dataclass(frozen=True)
class Field:
    """One parameter of an Experiment.

    Attributes:
        parameter: What it may be, on which scale.
        texts: For numbers of a list: how the list spells each.
    """

    parameter: Parameter
    texts: Mapping[Value, str] = field(default_factory=dict)

    def read(self, text: str) -> Value | None:
        """Reads the value that Katib spells ``text``; None where it is not one of the parameter's."""
        try:
            value = self.parameter.parse(text)
        except ValueError:
            return None
        return value if self.parameter.contains(value) else None

    def write(self, value: Value) -> str:
        """Spells a value as Katib does."""
        return value if isinstance(value, str) else self.texts.get(value) or format_number(value)


def read_fields(specs: Sequence[api.ParameterSpec], scales: Mapping[str, Scale]) -> tuple[Field, ...]:
    """Reads an Experiment's parameters, each on the scale that ``scales`` or else its distribution names.

    Raises:
        InputError: Every fault of theirs.
    """
    _check_size(specs)
    faults: list[Fault] = []
    fields: list[Field] = []
    names: dict[str, None] = {}
    for i, spec in enumerate(specs):
        reader = _Reader(spec, scales.get(spec.name))
        if not spec.name:
            reader.faults.append(Fault(f"parameters[{i}].name", "is empty"))
        elif spec.name in names:
            reader.faults.append(
                Fault(f"parameters[{i}].name", f"is {spec.name}, as another one's is; must be unique")
            )
        names[spec.name] = None
        fields += reader.read()
        faults += reader.faults
    use = ", ".join(islice(names, _SHOWN))
    faults += [
        Fault(f"algorithmSettings.scale.{name}", f"there is no parameter {name} (use {use})")
        for name in scales
        if name not in names
    ]
    if not specs:
        faults.append(Fault("parameters", "is empty; must name at least one"))
    if faults:
        raise InputError(faults)
    return tuple(fields)


def _check_size(specs: Sequence[api.ParameterSpec]) -> None:
    """Refuses what would take long to read: whoever reaches the service's port could hold it up."""
    if len(specs) > MAX_PARAMETERS:
        raise InputError(
            Fault("parameters", f"has {len(specs)} entries; at most {MAX_PARAMETERS} are allowed")
        )
    listed = sum(len(spec.feasible_space.list) for spec in specs)
    if listed > MAX_LISTED:
        problem = f"have {listed} values in their lists; at most {MAX_LISTED} are allowed"
        raise InputError(Fault("parameters", problem))


class _Reader:
    """Reads one parameter and keeps what is wrong with it."""

    def __init__(self, spec: api.ParameterSpec, scale: Scale | None) -> None:
        self.faults: list[Fault] = []
        self._name = spec.name
        self._type = spec.parameter_type
        self._space = spec.feasible_space
        self._set_scale = scale

    def read(self) -> list[Field]:
        """Reads the parameter, unless there are faults."""
        readers: dict[int, Callable[[], Field | None]] = {
            api.DOUBLE: self._range,
            api.INT: self._range,
            api.DISCRETE: self._discrete,
            api.CATEGORICAL: self._categorical,
        }
        reader = readers.get(self._type)
        if reader is None:
            self._fault("parameterType", "is not one of double, int, discrete and categorical")
            return []
        read = reader()
        return [] if read is None or self.faults else [read]

    def _fault(self, place: str, problem: str) -> None:
        self.faults.append(Fault(f"{self._name or 'parameters'}.{place}", problem))

    def _range(self) -> Field | None:
        low, high = self._bound("min", self._space.min), self._bound("max", self._space.max)
        if low is None or high is None:
            return None
        if low > high:
            self._fault("feasibleSpace", f"min {low} is greater than max {high}")
            return None
        scale = self._scale(low)
        if self._space.step and not (self._type == api.INT and self._space.step == "1"):
            return self._stepped(low, high, scale)
        if self._type == api.INT:
            return Field(Integer(self._name, int(low), int(high), scale))
        return Field(Double(self._name, float(low), float(high), scale))

    def _stepped(self, low: Decimal, high: Decimal, scale: Scale) -> Field | None:
        step = self._bound("step", self._space.step)
        if step is None:
            return None
        if step <= 0:
            self._fault("feasibleSpace.step", f"{step} is not greater than 0")
            return None
        if (high - low) / step >= MAX_MEMBERS:
            self._fault("feasibleSpace.step", f"{step} makes more than the {MAX_MEMBERS} values allowed")
            return None
        count = int((high - low) / step) + 1
        kind: type[int | float] = int if self._type == api.INT else float
        return self._members([format_number(kind(low + i * step)) for i in range(count)], scale)

    def _discrete(self) -> Field | None:
        members = list(self._space.list)
        numbers = [number for text in members if (number := self._bound("list", text)) is not None]
        if not members:
            self._fault("feasibleSpace.list", "is empty")
        if not members or self.faults:
            return None
        return self._members(members, self._scale(min(numbers)))

    def _members(self, texts: Iterable[str], scale: Scale) -> Field | None:
        spelled: dict[Value, str] = {}
        for text in texts:
            value = float(text)
            if value in spelled:
                self._fault("feasibleSpace.list", f"{spelled[value]} and {text} are the same number")
            spelled[value] = text
        return Field(Discrete(self._name, tuple(sorted(map(float, spelled))), scale), spelled)

    def _categorical(self) -> Field | None:
        members = tuple(self._space.list)
        if not members:
            self._fault("feasibleSpace.list", "is empty")
        for member in sorted(member for member, times in Counter(members).items() if times > 1):
            self._fault("feasibleSpace.list", f"has {member!r} more than once")
        if self._set_scale is not None:
            self.faults.append(
                Fault(f"algorithmSettings.scale.{self._name}", "a categorical parameter has no scale")
            )
        return Field(Categorical(self._name, members))

    def _bound(self, place: str, text: str) -> Decimal | None:
        """Reads a number, whole where the parameter is."""
        number = _finite(text)
        if number is None:
            self._fault(f"feasibleSpace.{place}", f"{text!r} is not a number that a double holds")
        elif self._type == api.INT and (abs(number) > _MAX_INTEGER or number != int(number)):
            self._fault(f"feasibleSpace.{place}", f"{text!r} is not a whole number of 64 bits")
        else:
            return number
        return None

    def _scale(self, low: Decimal) -> Scale:
        if self._set_scale is not None:
            scale, place = self._set_scale, f"algorithmSettings.scale.{self._name}"
        else:
            scale, place = self._distributed(), f"{self._name}.feasibleSpace.distribution"
        if scale is not Scale.LINEAR and low <= 0:
            self.faults.append(Fault(place, f"{scale} needs numbers greater than 0, not {low}"))
        return scale

    def _distributed(self) -> Scale:
        scale = _SCALES.get(self._space.distribution)
        if scale is None:
            self._fault("feasibleSpace.distribution", "is not one of uniform and logUniform")
        return scale or Scale.LINEAR


def _finite(text: str) -> Decimal | None:
    """Reads the number exactly as written; None for what overflows, or underflows to 0, as a float."""
    try:
        number = Decimal(text.strip())
        nearest = float(number)
    except (InvalidOperation, ValueError):
        return None
    return number if math.isfinite(nearest) and bool(number) == bool(nearest) else None
