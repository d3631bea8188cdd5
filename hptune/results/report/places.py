"""Where values lie on a plot: in the unit interval, where the tuner searches.

Plotly has no axis for a reversed logarithm, so every parameter's axis is the unit interval of its scale, with
ticks that say what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hptune.results.report.marks import label, short
from hptune.results.study import Trial
from hptune.search.space import Categorical, Parameter

_TICKS = 5
_MAX_MEMBERS = 12


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
        # An integer's ticks are where the integers are.
        units = (tick / (count - 1) for tick in range(count))
        values = list(dict.fromkeys(parameter.from_unit(unit) for unit in units))
    return [parameter.to_unit(value) for value in values], [label(short(value), length) for value in values]


def axis(parameter: Parameter, count: int = _TICKS) -> dict[str, Any]:
    """Returns plotly's settings of the axis of a parameter."""
    places, texts = ticks(parameter, count)
    return {"range": [-0.05, 1.05], "tickvals": places, "ticktext": texts, "zeroline": False}


def grid(parameter: Parameter, most: int) -> list[Any]:
    """Returns values of a parameter that lie about evenly on its scale: all, if they are at most ``most``."""
    if isinstance(parameter, Categorical):
        return list(parameter.values[:most])
    return list(dict.fromkeys(parameter.from_unit(place / (most - 1)) for place in range(most)))
