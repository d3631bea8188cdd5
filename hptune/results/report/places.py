"""Where values lie on a plot: in the unit interval, where the tuner searches.

Plotly has no axis for a reversed logarithm, so every parameter's axis is the unit interval of its scale, with
ticks that say what is there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hptune.results.report.marks import label, short
from hptune.results.study import Trial
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, Parameter

_TICKS = 5
_MAX_MEMBERS = 12
_NEAREST = 0.45  # of the distance of even ticks


def place_of(trial: Trial, parameter: Parameter) -> float | None:
    """Returns where a trial's value lies; None where the trial has none that the parameter allows."""
    value: Any = trial.parameters.get(parameter.name)
    return parameter.to_unit(value) if value is not None and parameter.contains(value) else None


def ticks(parameter: Parameter, count: int = _TICKS, length: int = 12) -> tuple[list[float], list[str]]:
    """Returns places of an axis's ticks and what they say; of many choices, some."""
    values: Sequence[Any]
    if isinstance(parameter, Categorical):
        values = parameter.values[:: -(-len(parameter.values) // _MAX_MEMBERS)]
    else:
        values = _round_values(parameter, count)
    to_unit: Any = parameter.to_unit
    return [to_unit(value) for value in values], [label(short(value), length) for value in values]


def _round_values(parameter: Double | Integer | Discrete, count: int) -> list[float]:
    """Returns both ends, and between them round numbers that are not too close to an end."""
    low, high = parameter.from_unit(0.0), parameter.from_unit(1.0)
    if isinstance(parameter, Discrete):
        inner = list(parameter.values) if len(parameter.values) <= count + 2 else _even(parameter, count)
    elif parameter.scale is Scale.LOG and high / low >= 50.0:
        decades = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        inner = [float(f"1e{decade}") for decade in decades[:: max(1, -(-len(decades) // count))]]
    else:
        inner = [float(f"{value:.2g}") for value in _even(parameter, count)]
    if isinstance(parameter, Integer):
        inner = [round(value) for value in inner]
    apart = _NEAREST / (count - 1)
    kept = [value for value in inner if apart < parameter.to_unit(value) < 1.0 - apart]
    return list(dict.fromkeys([low, *kept, high]))


def _even(parameter: Double | Integer | Discrete, count: int) -> list[float]:
    return [parameter.from_unit(tick / (count - 1)) for tick in range(count)]


def axis(parameter: Parameter, count: int = _TICKS) -> dict[str, Any]:
    """Returns plotly's settings of the axis of a parameter."""
    places, texts = ticks(parameter, count)
    return {"range": [-0.05, 1.05], "tickvals": places, "ticktext": texts, "zeroline": False}


def grid(parameter: Parameter, most: int) -> list[Any]:
    """Returns values of a parameter that lie about evenly on its scale: all, if they are at most ``most``."""
    if isinstance(parameter, Categorical):
        return list(parameter.values[:most])
    return list(dict.fromkeys(parameter.from_unit(place / (most - 1)) for place in range(most)))
