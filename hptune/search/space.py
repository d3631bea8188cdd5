"""The search space: typed parameters, each with its range and its scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from hptune.search.scale import Scale

Value = int | float | str


def format_number(value: float) -> str:
    """Prints a number as ML Engine does: 15 significant digits where they round-trip, else 17."""
    if isinstance(value, int):
        return str(value)
    short = f"{value:.15g}"
    return short if float(short) == value else f"{value:.17g}"


def without_exponent(text: str) -> str:
    """Writes the text of a negative number without an exponent, as exactly the same number.

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
        """Returns the place in the unit interval."""
        return self.scale.to_unit(value, self.low, self.high)


@dataclass(frozen=True)
class Double(_Range):
    """A real number in ``low``..``high``, both included."""

    def from_unit(self, unit: float) -> float:
        """Returns the value at a place in the unit interval."""
        return self.scale.from_unit(unit, self.low, self.high)

    def contains(self, value: Value) -> bool:
        """Returns whether ``value`` is a number in range."""
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
        """Returns the whole number nearest to a place in the unit interval."""
        return round(self.scale.from_unit(unit, self.low, self.high))

    def contains(self, value: Value) -> bool:
        """Returns whether ``value`` is a whole number in range."""
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
        """Returns the place in the unit interval."""
        return self.scale.to_unit(value, self.values[0], self.values[-1])

    def from_unit(self, unit: float) -> float:
        """Returns the member nearest to a place in the unit interval."""
        return min(self.values, key=lambda member: abs(self.to_unit(member) - unit))

    def contains(self, value: Value) -> bool:
        """Returns whether ``value`` is a member."""
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
        """Returns the middle of the value's share of the unit interval, which is split evenly."""
        return (self.values.index(value) + 0.5) / len(self.values)

    def from_unit(self, unit: float) -> str:
        """Returns the value whose share of the unit interval holds ``unit``."""
        return self.values[min(max(int(unit * len(self.values)), 0), len(self.values) - 1)]

    def contains(self, value: Value) -> bool:
        """Returns whether ``value`` is a member."""
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
        """Returns whether ``values`` gives every parameter, and nothing else, a value in its range."""
        return set(values) == set(self.names) and all(p.contains(values[p.name]) for p in self)


def format_values(values: Mapping[str, Value]) -> dict[str, str]:
    """Writes values as the strings that a trainer's command line and ML Engine's results show."""
    return {name: value if isinstance(value, str) else format_number(value) for name, value in values.items()}
