"""Grid search over INTEGER, DISCRETE and CATEGORICAL parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hptune.errors import Fault, InputError
from hptune.search.encoding import distributions
from hptune.search.space import Double, Integer, Parameter, SearchSpace, Value

MAX_GRID_POINTS = 10_000


class GridSearchSampler(BaseSampler):
    """Every point of the grid once, the n-th trial the n-th, in an order that is spread out from the start.

    Optuna's own stops the study from within, which ask and tell does not allow, and stores the whole grid
    with each trial. The order is that of steps of nearly the golden section of the grid's size, which meet
    every point.

    Args:
        space: Parameters, no DOUBLE among them.
        seed: Where the walk starts; not negative.
        max_trials: The budget, where there is one; see ``grid_size``.

    Raises:
        InputError: A parameter is a DOUBLE.
    """

    def __init__(self, space: SearchSpace, *, seed: int, max_trials: int | None = None) -> None:
        self._space = space
        self._axes = grid_axes(space, max_trials)
        self._size = math.prod(map(len, self._axes.values()))
        self._stride = _golden_stride(self._size)
        self._start = int(np.random.default_rng(seed).random() * self._size)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Returns all of the space."""
        del study, trial
        return {name: d for name, d in distributions(self._space).items() if not d.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Returns the point of this trial's number; from the start again once all have been visited."""
        del study
        index = (self._start + trial.number * self._stride) % self._size
        values = {}
        for name, members in self._axes.items():
            index, place = divmod(index, len(members))
            values[name] = members[place]
        return {name: values[name] for name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401
        """Refuses: the grid has all of the space's parameters.

        Raises:
            InputError: Always.
        """
        del study, trial, param_distribution
        raise InputError(Fault(param_name, f"not a parameter of the grid ({', '.join(self._axes)})"))


def grid_size(space: SearchSpace, max_trials: int | None = None) -> int:
    """Returns how many points grid search visits.

    The grid holds every whole number of INTEGER parameters as long as that makes at most ``MAX_GRID_POINTS``
    points. In a larger one, INTEGER axes are thinned, evenly on their scales, until the grid fits the budget.

    Raises:
        InputError: A parameter is a DOUBLE.
    """
    return math.prod(map(len, grid_axes(space, max_trials).values()))


def grid_axes(space: SearchSpace, max_trials: int | None) -> dict[str, Sequence[Value]]:
    """Returns the values of each parameter that the grid is made of; see ``grid_size``.

    Raises:
        InputError: A parameter is a DOUBLE.
    """
    faults = [
        Fault(p.name, "a DOUBLE has no grid; GRID_SEARCH allows INTEGER, CATEGORICAL and DISCRETE")
        for p in space
        if isinstance(p, Double)
    ]
    if faults:
        raise InputError(faults)
    sizes = [_axis_size(p) for p in space if isinstance(p, Integer)]
    fixed = math.prod(_axis_size(p) for p in space if not isinstance(p, Integer))
    longest = max(sizes, default=1)
    if fixed * math.prod(sizes) > MAX_GRID_POINTS:
        limit = min(max_trials or MAX_GRID_POINTS, MAX_GRID_POINTS)
        longest = _longest_axis(sizes, limit / fixed)
    return {p.name: _members(p, longest) for p in space}


def _axis_size(parameter: Parameter) -> int:
    if isinstance(parameter, Integer):
        return parameter.high - parameter.low + 1
    return 1 if isinstance(parameter, Double) else len(parameter.values)


def _longest_axis(sizes: Sequence[int], limit: float) -> int:
    """Finds the length, 2 or more, to cut axes of ``sizes`` to so that they make at most ``limit`` points."""
    longest = 2
    while math.prod(min(size, longest + 1) for size in sizes) <= limit and longest < max(sizes):
        longest += 1
    return longest


def _members(parameter: Parameter, longest: int) -> Sequence[Value]:
    if isinstance(parameter, Double):
        raise TypeError(f"{parameter.name} has no members")
    if not isinstance(parameter, Integer):
        return parameter.values
    if _axis_size(parameter) <= longest:
        return range(parameter.low, parameter.high + 1)
    return sorted({parameter.from_unit(unit) for unit in np.linspace(0.0, 1.0, longest).tolist()})


def _golden_stride(size: int) -> int:
    """Finds the number next to the golden section of ``size`` that has no divisor in common with it."""
    stride = max(size * 618_034 // 1_000_000, 1)
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride
