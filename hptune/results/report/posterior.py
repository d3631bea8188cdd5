"""The Gaussian process at work: what it believes after each trial, and what it tries next.

Each position of a slider is a number of trials. It has a curve through the best trial so far along the most
important parameter, with the middle 68 %, and, over the two most important ones, maps of the median and of
how unsure it is. The other parameters have the values of the best trial so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hptune.results.report.marks import frame_of, kind_of, short
from hptune.results.report.places import axis, grid, place_of
from hptune.results.report.surrogate import Belief, Surrogate
from hptune.results.study import Study, Trial
from hptune.search.gp.kernel import Array
from hptune.search.space import Categorical, Parameter, SearchSpace, Value

MAX_POSITIONS = 20
_CURVE_POINTS = 33
_MAP_POINTS = 17
_LEAST_TRIALS = 2


@dataclass(frozen=True)
class Posterior:
    """What the page's script draws.

    Attributes:
        names: The one or two parameters.
        content: Axes, ranges, points and positions, ready for JSON.
    """

    names: tuple[str, ...]
    content: dict[str, Any]


class Positions:
    """Computes the slider's positions.

    Args:
        study: The study.
        space: Its search space.
        parameters: The one or two most important parameters.
        surrogate: Of the study.
    """

    def __init__(
        self, study: Study, space: SearchSpace, parameters: Sequence[Parameter], surrogate: Surrogate
    ) -> None:
        self._study, self._space, self._surrogate = study, space, surrogate
        self._parameters = parameters
        self._frame = frame_of(study)
        self._trials = [trial for trial in study.finished if _is_inside(trial, space)]

    def posterior(self, following: Mapping[str, Value] | None) -> Posterior | None:
        """Computes all positions; None where too few trials have an objective.

        Args:
            following: What the bandit would try after the last trial; None where it has no say.
        """
        positions = [each for count in self._counts() if (each := self._position(count, following))]
        if not positions:
            return None
        spread = np.concatenate([np.ravel(each["deviation"]) for each in positions])
        content = {
            "parameters": [self._axis(parameter) for parameter in self._parameters],
            "range": _rounded(self._frame.range),
            "limits": _rounded([self._frame.low, self._frame.high]),
            "highestIsBest": self._study.goal.better(1.0, 0.0),
            "deviationLimit": _rounded(float(np.quantile(spread, 0.98)) or 1.0),
            "points": [self._point(trial) for trial in self._trials],
            "positions": positions,
        }
        return Posterior(tuple(parameter.name for parameter in self._parameters), content)

    def _counts(self) -> list[int]:
        """Returns numbers of trials to look at: all of a few, of many an even choice."""
        measured = np.cumsum([trial.final is not None for trial in self._trials])
        first = int(np.searchsorted(measured, _LEAST_TRIALS)) + 1
        if first > len(self._trials):
            return []
        even = np.linspace(first, len(self._trials), min(MAX_POSITIONS, len(self._trials) - first + 1))
        return [int(count) for count in even.round()]

    def _position(self, count: int, following: Mapping[str, Value] | None) -> dict[str, Any] | None:
        seen = self._trials[:count]
        belief = self._surrogate.after(seen)
        best = self._best(seen)
        if belief is None or best is None:
            return None
        later = self._trials[count] if count < len(self._trials) else None
        target = later.parameters if later else following
        maps = self._maps(belief, best) if len(self._parameters) > 1 else {"mean": [], "deviation": []}
        curve = self._curve(belief, best)
        if not maps["deviation"]:
            maps["deviation"] = _rounded((np.array(curve["high"]) - np.array(curve["low"])) / 2)
        return {
            "count": count,
            "best": best.id,
            "next": self._place(target) if target else None,
            "nextTrial": later.id if later else None,
            "expected": self._expected(belief, target) if target else None,
            "curve": curve,
            **maps,
        }

    def _best(self, trials: Sequence[Trial]) -> Trial | None:
        ids = {trial.id for trial in trials}
        return next((trial for trial in self._study.ranked if trial.id in ids and trial.final), None)

    def _curve(self, belief: Belief, best: Trial) -> dict[str, Any]:
        parameter = self._parameters[0]
        values = [{**best.parameters, parameter.name: each} for each in grid(parameter, _CURVE_POINTS)]
        median, low, high = (self._clipped(each) for each in belief.quantiles(values))
        return {"median": _rounded(median), "low": _rounded(low), "high": _rounded(high)}

    def _maps(self, belief: Belief, best: Trial) -> dict[str, Any]:
        """Computes median and half the middle 68 %, (rows of the second parameter, columns of the first)."""
        across, up = self._parameters[:2]
        columns, rows = grid(across, _MAP_POINTS), grid(up, _MAP_POINTS)
        values = [{**best.parameters, across.name: x, up.name: y} for y in rows for x in columns]
        median, low, high = (self._clipped(each) for each in belief.quantiles(values))
        shape = (len(rows), len(columns))
        return {
            "mean": _rounded(median.reshape(shape)),
            "deviation": _rounded(((high - low) / 2).reshape(shape)),
        }

    def _clipped(self, values: Array) -> Array:
        """Keeps far guesses within reach of what was measured."""
        room = (self._frame.high - self._frame.low) or abs(self._frame.high) or 1.0
        return np.clip(values, self._frame.low - room, self._frame.high + room)

    def _expected(self, belief: Belief, values: Mapping[str, Value]) -> list[str]:
        median, low, high = belief.quantiles([values])
        return [short(float(each[0])) for each in (median, low, high)]

    def _axis(self, parameter: Parameter) -> dict[str, Any]:
        return {
            "name": parameter.name,
            "axis": axis(parameter, 4),
            "curve": _places(parameter, _CURVE_POINTS),
            "map": _places(parameter, _MAP_POINTS),
            "choices": isinstance(parameter, Categorical),
        }

    def _point(self, trial: Trial) -> dict[str, Any]:
        return {
            "id": trial.id,
            "kind": kind_of(trial).name,
            "place": [_rounded(place_of(trial, parameter)) for parameter in self._parameters],
            "value": _rounded(self._frame.place(trial.final.value)) if trial.final else None,
        }

    def _place(self, values: Mapping[str, Value]) -> dict[str, Any]:
        trial = Trial(0, dict(values), self._trials[-1].state)
        return {
            "place": [_rounded(place_of(trial, parameter)) for parameter in self._parameters],
            "values": [short(values[parameter.name]) for parameter in self._parameters],
        }


def _is_inside(trial: Trial, space: SearchSpace) -> bool:
    return all(place_of(trial, parameter) is not None for parameter in space)


def _places(parameter: Parameter, most: int) -> list[float]:
    to_unit: Any = parameter.to_unit
    return _rounded([to_unit(value) for value in grid(parameter, most)])  # type: ignore[no-any-return]


def _rounded(value: Any) -> Any:  # noqa: ANN401  (a number, or nested lists or an array of them)
    """Returns numbers of five significant digits, ready for JSON."""
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [_rounded(each) for each in value] if isinstance(value, list) else float(f"{value:.5g}")
