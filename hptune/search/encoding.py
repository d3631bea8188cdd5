"""Between parameter values and points of the Gaussian process's mixed unit cube.

A point is an array (d,), one column a parameter; hptune/gp/cube.py says what its columns hold. Optuna's
distributions say what a value may be; a parameter of the job's search space says more about its scale, and
then wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hptune.search.gp.cube import Axis, Cube
from hptune.search.gp.kernel import Array
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, Parameter, SearchSpace

MAX_GRID = 4096


class Column(Protocol):
    """One parameter as a column of the cube."""

    @property
    def axis(self) -> Axis:
        """What the column may hold."""

    def encode(self, value: Any) -> float:  # noqa: ANN401  what Optuna's categories are is the user's choice
        """Returns the place of a value that the parameter allows."""

    def decode(self, place: float) -> Any:  # noqa: ANN401
        """Returns the value at a place."""


@dataclass(frozen=True)
class Numeric:
    """A real, or a whole number, on its scale."""

    parameter: Double | Integer

    @property
    def axis(self) -> Axis:
        """What the column may hold."""
        return Axis() if isinstance(self.parameter, Double) else Axis(integer_grid(self.parameter))

    def encode(self, value: float) -> float:
        """Returns the place of an allowed value."""
        return self.parameter.to_unit(value)

    def decode(self, place: float) -> float:
        """Returns the value at a place."""
        return self.parameter.from_unit(place)


@dataclass(frozen=True)
class Stepped:
    """A number in steps: the whole number of steps from ``low``."""

    low: float
    high: float
    step: float
    steps: Integer

    @property
    def axis(self) -> Axis:
        """What the column may hold."""
        return Axis(integer_grid(self.steps))

    def encode(self, value: float) -> float:
        """Returns the place of an allowed value."""
        return self.steps.to_unit(round((value - self.low) / self.step))

    def decode(self, place: float) -> float:
        """Returns the value at a place."""
        return min(self.low + self.steps.from_unit(place) * self.step, self.high)


@dataclass(frozen=True)
class Members:
    """One of a few numbers in order."""

    parameter: Discrete

    @cached_property
    def _grid(self) -> Array:
        grid = np.array([self.parameter.to_unit(value) for value in self.parameter.values])
        # Members too close together for their scale are told apart by their rank.
        return grid if np.all(np.diff(grid) > 0.0) else np.linspace(0.0, 1.0, len(grid))

    @property
    def axis(self) -> Axis:
        """What the column may hold."""
        return Axis(self._grid)

    def encode(self, value: float) -> float:
        """Returns the place of an allowed value."""
        return float(self._grid[self.parameter.values.index(value)])

    def decode(self, place: float) -> float:
        """Returns the value at a place."""
        return self.parameter.values[int(np.abs(self._grid - place).argmin())]


@dataclass(frozen=True)
class Choice:
    """One of some values without an order."""

    distribution: CategoricalDistribution

    @property
    def axis(self) -> Axis:
        """What the column may hold."""
        return Axis(np.arange(len(self.distribution.choices), dtype=np.float64), categorical=True)

    def encode(self, value: Any) -> float:  # noqa: ANN401
        """Returns the place of an allowed value."""
        return float(self.distribution.to_internal_repr(value))

    def decode(self, place: float) -> Any:  # noqa: ANN401
        """Returns the value at a place."""
        return self.distribution.to_external_repr(place)


@lru_cache(maxsize=256)
def integer_grid(parameter: Integer) -> Array:
    """Returns places (k,) of the whole numbers; of more than ``MAX_GRID``, those nearest to an even spacing.

    On a log scale, thinning so keeps every small number: they lie far apart.
    """
    if parameter.high - parameter.low < MAX_GRID:
        members: set[int] = set(range(parameter.low, parameter.high + 1))
    else:
        members = {parameter.from_unit(unit) for unit in np.linspace(0.0, 1.0, MAX_GRID + 1).tolist()}
    grid = np.unique([parameter.to_unit(member) for member in members])
    grid.flags.writeable = False
    return grid


def column_of(distribution: BaseDistribution, parameter: Parameter | None) -> Column:
    """Makes the column of a distribution, on the scale of the search space's ``parameter``, if any."""
    if isinstance(parameter, Discrete):
        return Members(parameter)
    if isinstance(parameter, Double | Integer):
        return Numeric(parameter)
    if isinstance(distribution, CategoricalDistribution):
        return Choice(distribution)
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise TypeError(f"{distribution!r} is not one of Optuna's float, int and categorical distributions")
    low, high, step = distribution.low, distribution.high, distribution.step
    scale = Scale.LOG if distribution.log else Scale.LINEAR
    if step is None:
        return Numeric(Double("", low, high, scale))
    if distribution.log:
        return Numeric(Integer("", int(low), int(high), scale))
    return Stepped(low, high, step, Integer("", 0, round((high - low) / step)))


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Makes Optuna's distributions of the search space, in the same order.

    Optuna has no reverse log: such a parameter is linear here, and the samplers of hptune/sampler.py, given
    the space, spread it as it should be.
    """
    return {parameter.name: _distribution(parameter) for parameter in space}


def _distribution(parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, Discrete | Categorical):
        return CategoricalDistribution(parameter.values)
    log = parameter.scale is Scale.LOG
    if isinstance(parameter, Integer):
        return IntDistribution(parameter.low, parameter.high, log=log)
    return FloatDistribution(parameter.low, parameter.high, log=log)


class Encoding:
    """Places trials' parameters in the cube and reads points back.

    Args:
        search_space: Distribution of each parameter, in the order of the columns.
        space: Scales that win over the distributions', by name.
    """

    def __init__(
        self, search_space: Mapping[str, BaseDistribution], space: SearchSpace | None = None
    ) -> None:
        parameters = {parameter.name: parameter for parameter in space or ()}
        self._distributions = search_space
        self._columns = {name: column_of(d, parameters.get(name)) for name, d in search_space.items()}
        self.cube = Cube(tuple(column.axis for column in self._columns.values()))

    def encode(self, values: Mapping[str, Any]) -> Array | None:
        """Returns the point (d,) of ``values``; None where one is missing or not allowed."""
        if not all(name in values and allows(d, values[name]) for name, d in self._distributions.items()):
            return None
        return np.array([column.encode(values[name]) for name, column in self._columns.items()])

    def decode(self, point: Array) -> dict[str, Any]:
        """Returns the values at a ``point`` (d,) of the cube."""
        places = zip(self._columns.items(), point.tolist(), strict=True)
        return {name: column.decode(place) for (name, column), place in places}


def allows(distribution: BaseDistribution, value: Any) -> bool:  # noqa: ANN401
    """Returns whether ``value`` is one that ``distribution`` may give."""
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (TypeError, ValueError):
        return False
