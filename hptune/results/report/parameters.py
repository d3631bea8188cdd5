"""Plots of the parameters: each alone against the objective, and all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from hptune.results.report.marks import (
    BLUE,
    GRAY,
    HEIGHT_PX,
    Frame,
    Kind,
    frame_of,
    label,
    scatters,
    short,
)
from hptune.results.report.places import axis, place_of, ticks
from hptune.results.study import Study, Trial
from hptune.search.space import Parameter, SearchSpace

AXIS_WIDTH_PX = 120
_NONE = -0.14
_SLICE_HEIGHT_PX = 280


def slice_figure(study: Study, parameter: Parameter) -> go.Figure:
    """Draws the objective against one parameter, on the scale that it is searched on."""
    places = [(trial, place_of(trial, parameter)) for trial in study.trials]
    points = [(trial, place) for trial, place in places if place is not None]
    figure = go.Figure()
    scatters(figure, study, points, frame_of(study))
    figure.update_layout(height=_SLICE_HEIGHT_PX, yaxis={"title": None, "nticks": 5}, margin={"b": 28})
    figure.update_xaxes(**axis(parameter, 4))
    return figure


@dataclass(frozen=True)
class _Group:
    """Lines that look the same.

    Attributes:
        name: What they have in common.
        trials: The trials.
        line: Plotly's settings.
        opacity: Theirs.
    """

    name: str
    trials: Sequence[Trial]
    line: dict[str, object]
    opacity: float


def parallel_figure(study: Study, space: SearchSpace) -> go.Figure:
    """Draws each trial as a line through its parameters to its objective, better ones ending higher.

    Trials without an objective end below the objective's axis.
    """
    frame = frame_of(study)
    figure = go.Figure(layout={"height": HEIGHT_PX, "showlegend": False})
    for group in _groups(study):
        if group.trials:
            figure.add_trace(_lines(group, study, space, frame))
    _add_axes(figure, study, space, frame)
    return figure


def _groups(study: Study) -> list[_Group]:
    measured = [trial for trial in study.ranked if trial.final]
    best, others = measured[:1], measured[1:]
    good = others[: max(len(measured) // 4 - 1, 0)]
    without = [trial for trial in study.trials if trial.final is None]
    look = Kind.BEST.look
    return [
        _Group("no objective", without, {"color": Kind.FAILED.look.color, "dash": "dot", "width": 1.5}, 0.8),
        _Group("others", others[len(good) :], {"color": GRAY, "dash": "solid", "width": 1}, 0.55),
        _Group("best quarter", good, {"color": BLUE, "dash": "dash", "width": 1.75}, 0.9),
        _Group("best", best, {"color": look.color, "dash": "solid", "width": 4}, 1.0),
    ]


def _lines(group: _Group, study: Study, space: SearchSpace, frame: Frame) -> go.Scatter:
    """Makes one trace of all lines; a gap ends each."""
    x: list[int | None] = []
    y: list[float | None] = []
    for trial in group.trials:
        x += [*range(len(space) + 1), None]
        y += [*(place_of(trial, parameter) for parameter in space), _height(trial, study, frame), None]
    return go.Scatter(
        x=x, y=y, mode="lines", line=group.line, opacity=group.opacity, name=group.name, hoverinfo="skip"
    )


def _height(trial: Trial, study: Study, frame: Frame) -> float:
    if trial.final is None:
        return _NONE
    share = (frame.place(trial.final.value) - frame.low) / ((frame.high - frame.low) or 1.0)
    return share if study.goal.better(1.0, 0.0) else 1.0 - share


def _add_axes(figure: go.Figure, study: Study, space: SearchSpace, frame: Frame) -> None:
    low, high = (frame.low, frame.high) if study.goal.better(1.0, 0.0) else (frame.high, frame.low)
    objective = [(0.0, short(low)), (1.0, short(high))] if study.best else []
    objective = objective[: 1 if low == high else 2]
    if any(trial.final is None for trial in study.trials):
        objective.append((_NONE, "none"))
    last = len(space)
    axes = [[*zip(*ticks(parameter, 3), strict=True)] for parameter in space]
    for column, marks in enumerate([*axes, objective]):
        figure.add_shape(type="line", x0=column, x1=column, y0=0, y1=1, line={"color": GRAY, "width": 1})
        side = {"xanchor": "right", "xshift": -6} if column == last else {"xanchor": "left", "xshift": 6}
        for place, text in marks:
            figure.add_annotation(x=column, y=place, text=text, showarrow=False, **side)
    names = [label(name, 15) for name in (*space.names, study.metric)]
    figure.update_xaxes(
        range=[-0.3, last + 0.3],
        tickvals=list(range(len(space) + 1)),
        ticktext=names,
        side="top",
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(visible=False, range=[_NONE - 0.08, 1.06], fixedrange=True)
    figure.update_layout(margin={"t": 32, "r": 8, "b": 8, "l": 8})


def parameters_by(importance: Iterable[str], space: SearchSpace) -> list[Parameter]:
    """Returns the parameters, those that ``importance`` names first and in its order."""
    return [space[name] for name in dict.fromkeys([*importance, *space.names])]
