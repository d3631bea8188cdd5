"""Plots of a study, as HTML that goes into a page with plotly's script.

Names and values are escaped here, because plotly takes markup in its texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hptune.results.study import Study, Trial
from hptune.search.space import Categorical, Parameter, SearchSpace, format_number, format_values

_HEIGHT_PX = 380
_PLOTS_A_ROW = 2
_TICKS = 5


def plots(study: Study, space: SearchSpace) -> list[tuple[str, str]]:
    """Makes title and HTML of each plot; none while no trial has an objective."""
    if study.best is None:
        return []
    figures = [
        ("Objective, trial by trial", _history(study)),
        ("Objective by parameter", _slices(study, space)),
    ]
    if any(len(trial.measurements) > 1 for trial in study.trials):
        figures.append(("Objective while training", _curves(study)))
    return [(title, _html(figure)) for title, figure in figures]


def _html(figure: go.Figure) -> str:
    figure.update_layout(template="plotly_white", margin={"t": 40})
    page: str = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return page


def _history(study: Study) -> go.Figure:
    measured = _measured(study)
    ids, values = [trial.id for trial in measured], _objectives(measured)
    figure = go.Figure(layout={"height": _HEIGHT_PX})
    figure.add_scatter(x=ids, y=values, mode="markers", name="trial", hovertext=_hover(measured))
    figure.add_scatter(x=ids, y=_best_so_far(study, values), line={"shape": "hv"}, name="best so far")
    figure.update_xaxes(title="trial").update_yaxes(title=escape(study.metric))
    return figure


def _measured(study: Study) -> list[Trial]:
    return [trial for trial in study.trials if trial.final]


def _objectives(trials: Iterable[Trial]) -> list[float]:
    return [trial.final.value for trial in trials if trial.final]


def _best_so_far(study: Study, values: Sequence[float]) -> list[float]:
    best = list(values[:1])
    for value in values[1:]:
        best.append(value if study.goal.better(value, best[-1]) else best[-1])
    return best


def _slices(study: Study, space: SearchSpace) -> go.Figure:
    rows = -(-len(space) // _PLOTS_A_ROW)
    figure = make_subplots(rows, min(_PLOTS_A_ROW, len(space)), shared_yaxes=True)
    figure.update_layout(height=_HEIGHT_PX * rows, showlegend=False)
    for index, parameter in enumerate(space):
        row, column = (part + 1 for part in divmod(index, _PLOTS_A_ROW))
        trials = [trial for trial in _measured(study) if parameter.contains(trial.parameters[parameter.name])]
        figure.add_trace(_slice(trials, parameter), row, column)
        figure.update_xaxes(title=escape(parameter.name), row=row, col=column, **_axis(parameter))
    figure.update_yaxes(title=escape(study.metric), col=1)
    return figure


def _slice(trials: Sequence[Trial], parameter: Parameter) -> go.Scatter:
    # In the unit interval, where the tuner searched: plotly has no axis for a reversed logarithm.
    places = [_to_unit(parameter, trial.parameters[parameter.name]) for trial in trials]
    colors = {"color": [trial.id for trial in trials], "colorscale": "Viridis"}
    hover = _hover(trials)
    return go.Scatter(
        x=places, y=_objectives(trials), mode="markers", marker=colors, hovertext=hover, hoverinfo="text"
    )


def _to_unit(parameter: Parameter, value: Any) -> float:  # noqa: ANN401  (of the parameter's own type)
    return parameter.to_unit(value)


def _axis(parameter: Parameter) -> dict[str, Any]:
    if isinstance(parameter, Categorical):
        places = [parameter.to_unit(value) for value in parameter.values]
        labels = [escape(value) for value in parameter.values]
    else:
        values = [parameter.from_unit(tick / (_TICKS - 1)) for tick in range(_TICKS)]
        places = [parameter.to_unit(value) for value in values]
        labels = [f"{value:.3g}" if isinstance(value, float) else format_number(value) for value in values]
    return {"range": [-0.05, 1.05], "tickvals": places, "ticktext": labels}


def _curves(study: Study) -> go.Figure:
    figure = go.Figure(layout={"height": _HEIGHT_PX})
    for trial in study.trials:
        finite = [measurement for measurement in trial.measurements if measurement.finite]
        steps, values = [each.step for each in finite], [each.value for each in finite]
        figure.add_scatter(x=steps, y=values, mode="lines+markers", name=f"trial {trial.id}")
    figure.update_xaxes(title="step").update_yaxes(title=escape(study.metric))
    return figure


def _hover(trials: Iterable[Trial]) -> list[str]:
    return [
        "<br>".join(
            [
                f"trial {trial.id}: {trial.final.value if trial.final else '-'}",
                *(escape(f"{name} = {value}") for name, value in format_values(trial.parameters).items()),
            ]
        )
        for trial in trials
    ]
