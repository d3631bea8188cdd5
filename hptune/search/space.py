"""The search space: typed parameters, and the maps between their values and the unit cube.

Notation, used wherever values meet the unit cube:

    v   a value in natural units, lo <= v <= hi
    u   its place in the unit interval, 0 at lo and 1 at hi

    UNIT_LINEAR_SCALE       u = (v - lo) / (hi - lo)
    UNIT_LOG_SCALE          u = log(v / lo) / log(hi / lo)
    UNIT_REVERSE_LOG_SCALE  u = 1 - log((hi + lo - v) / lo) / log(hi / lo)

The reverse log is the log of the mirrored value, so equal steps of u come closer together in v near hi.
ML Engine's NONE leaves the scale to the service; we take it as linear, which is what its documents show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

Value = int | float | str


class Scale(StrEnum):
    """How a numeric parameter is spread over the unit interval."""

    LINEAR = "UNIT_LINEAR_SCALE"
    LOG = "UNIT_LOG_SCALE"
    REVERSE_LOG = "UNIT_REVERSE_LOG_SCALE"

    def to_unit(self, value: float, low: float, high: float) -> float:
        """Place of ``value``, clipped, between ``low`` (0) and ``high`` (1); 0.5 where they are equal."""
        if low == high:
            return 0.5
        if value <= low or value >= high:
            return 0.0 if value <= low else 1.0
        if self is Scale.LINEAR:
            # Halved where high - low overflows; halving always would lose the smallest of numbers.
            share = 1.0 if math.isfinite(high - low) else 0.5
            return (value * share - low * share) / (high * share - low * share)
        if self is Scale.LOG:
            return _log_ratio(value, low) / _log_ratio(high, low)
        return 1.0 - Scale.LOG.to_unit(mirror(value, low, high), low, high)

    def from_unit(self, unit: float, low: float, high: float) -> float:
        """Value at ``unit``, which is clipped to 0..1, in natural units."""
        if unit <= 0.0 or unit >= 1.0:
            return low if unit <= 0.0 else high
        if self is Scale.LINEAR:
            value = low * (1.0 - unit) + high * unit
        elif self is Scale.LOG:
            value = low ** (1.0 - unit) * high**unit
        else:
            value = mirror(Scale.LOG.from_unit(1.0 - unit, low, high), low, high)
        return min(max(value, low), high)


def _log_ratio(a: float, b: float) -> float:
    """``log(a / b)``, also where a / b overflows."""
    return math.log(a / b) if a / b < math.inf else math.log(a) - math.log(b)


def mirror(value: float, low: float, high: float) -> float:
    """Reflects ``value`` in the middle of ``low``..``high``; its own inverse."""
    return min(max(high - (value - low), low), high)


def format_number(value: float) -> str:
    """Prints a number as ML Engine does: 15 significant digits where they round-trip, else 17."""
    if isinstance(value, int):
        return str(value)
    short = f"{value:.15g}"
    return short if float(short) == value else f"{value:.17g}"


def without_exponent(text: str) -> str:
    """A number's text, exactly the same number without an exponent where it is negative.

    argparse takes ``-1e-05`` for a flag and refuses it as a value; ``-0.00001`` is one.
    """
    return f"{Decimal(text):f}" if text.startswith("-") and "e" in text.lower() else text


@dataclass(frozen=True)
class _Range:
    """Numbers in ``low``..``high``, both included."""

    name: str
    low: float
    high: float
    scale: Scale = Scale.LINEAR

    def to_unit(self, value: float) -> float:
        """Place in the unit interval."""
        return self.scale.to_unit(value, self.low, self.high)


@dataclass(frozen=True)
class Double(_Range):
    """A real number in ``low``..``high``, both included."""

    def from_unit(self, unit: float) -> float:
        """Value at a place in the unit interval."""
        return self.scale.from_unit(unit, self.low, self.high)

    def contains(self, value: Value) -> bool:
        """Whether ``value`` is a number in range."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def parse(self, text: str) -> float:
        """Reads a value back from a command line or a results file.

        Raises:
            ValueError: ``text`` is not a number.
        """
        return float(text)


@dataclass(frozen=True)
class Integer(_Range):
    """A whole number in ``low``..``high``, both included."""

    low: int
    high: int

    def from_unit(self, unit: float) -> int:
        """The whole number nearest to a place in the unit interval."""
        return round(self.scale.from_unit(unit, self.low, self.high))

    def contains(self, value: Value) -> bool:
        """Whether ``value`` is a whole number in range."""
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return value == int(value)

    def parse(self, text: str) -> int:
        """Reads a value back from a command line or a results file.

        Raises:
            ValueError: ``text`` is not a whole number.
        """
        return int(text)


@dataclass(frozen=True)
class Discrete:
    """One of ``values``, numbers in increasing order."""

    name: str
    values: tuple[float, ...]
    scale: Scale = Scale.LINEAR

    def to_unit(self, value: float) -> float:
        """Place in the unit interval."""
        return self.scale.to_unit(value, self.values[0], self.values[-1])

    def from_unit(self, unit: float) -> float:
        """The member nearest to a place in the unit interval."""
        return min(self.values, key=lambda member: abs(self.to_unit(member) - unit))

    def contains(self, value: Value) -> bool:
        """Whether ``value`` is a member."""
        return value in self.values

    def parse(self, text: str) -> float:
        """Reads a value back from a command line or a results file.

        Raises:
            ValueError: ``text`` is not a number.
        """
        return float(text)


@dataclass(frozen=True)
class Categorical:
    """One of ``values``, strings without an order."""

    name: str
    values: tuple[str, ...]

    def to_unit(self, value: str) -> float:
        """Middle of the value's share of the unit interval, which is split evenly."""
        return (self.values.index(value) + 0.5) / len(self.values)

    def from_unit(self, unit: float) -> str:
        """The value whose share of the unit interval holds ``unit``."""
        return self.values[min(max(int(unit * len(self.values)), 0), len(self.values) - 1)]

    def contains(self, value: Value) -> bool:
        """Whether ``value`` is a member."""
        return value in self.values

    def parse(self, text: str) -> str:
        """Reads a value back from a command line or a results file: the text itself."""
        return text


Parameter = Double | Integer | Discrete | Categorical


@dataclass(frozen=True)
class SearchSpace:
    """Parameters in the job file's order, names unique."""

    parameters: tuple[Parameter, ...]

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def contains(self, values: Mapping[str, Value]) -> bool:
        """Whether ``values`` gives every parameter, and nothing else, a value in its range."""
        return set(values) == set(self.names) and all(p.contains(values[p.name]) for p in self)


def format_values(values: Mapping[str, Value]) -> dict[str, str]:
    """Values as the strings that a trainer's command line and ML Engine's results show."""
    return {name: value if isinstance(value, str) else format_number(value) for name, value in values.items()}
