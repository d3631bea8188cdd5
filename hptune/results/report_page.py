"""A job as one HTML page that needs no network: what was found, the trials, and plots of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from hptune.results.study import JobStatus, Study, Trial
from hptune.results.tables import format_duration
from hptune.search.space import Categorical, Parameter, SearchSpace, format_number, format_values

_HEIGHT_PX = 380
_PLOTS_A_ROW = 2
_TICKS = 5
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #ddd }
th:last-child, td:last-child { text-align: left }
tr.best { font-weight: 600; background: #eef6ee }
pre { white-space: pre-wrap; background: #f6f6f6; padding: .75rem }
"""


def render(status: JobStatus, space: SearchSpace, final: Mapping[str, float] | None = None) -> str:
    """The page.

    Args:
        status: The job.
        space: Its search space.
        final: What the training with the best parameters measured, by name; None where there was none.
    """
    study = status.study
    sections = [
        f"<h1>{escape(study.name)}</h1>",
        _summary(status, final or {}),
        *_plots(study, space),
        f"<h2>Trials, best first</h2>{_table(study, space.names)}",
    ]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>{escape(study.name)}</title>\n<style>{_STYLE}</style>",
            f"<script>{get_plotlyjs()}</script>\n</head>\n<body>",
            *sections,
            "</body>\n</html>\n",
        ]
    )


def _summary(status: JobStatus, final: Mapping[str, float]) -> str:
    study = status.study
    lines = [
        f"{status.state}: {study.goal.lower()} {study.metric}, "
        f"{len(study.finished)} of {study.max_trials} trials finished"
    ]
    if study.best and study.best.final:
        values = ", ".join(
            f"{name} = {value}" for name, value in format_values(study.best.parameters).items()
        )
        lines.append(
            f"Best: trial {study.best.id}, {study.metric} {study.best.final.value:.6g} with {values}"
        )
    lines += [f"Trained with these, on the test part: {name} {value:.6g}" for name, value in final.items()]
    message = f"<pre>{escape(status.message)}</pre>" if status.message else ""
    return "".join(f"<p>{escape(line)}</p>" for line in lines) + message


def _table(study: Study, names: Sequence[str]) -> str:
    head = _row("th", ["trial", study.metric, "step", *names, "duration", "state"])
    rows = [_row("td", _cells(trial, names), best=trial is study.best) for trial in study.ranked]
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _row(tag: str, cells: Iterable[str], *, best: bool = False) -> str:
    mark = ' class="best"' if best else ""
    return f"<tr{mark}>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>\n"


def _cells(trial: Trial, names: Sequence[str]) -> list[str]:
    values = format_values(trial.parameters)
    state = "stopped early" if trial.stopped_early else trial.state.value
    return [
        str(trial.id),
        f"{trial.final.value:.6g}" if trial.final else "-",
        str(trial.final.step) if trial.final else "-",
        *(values.get(name, "-") for name in names),
        format_duration(trial.duration_s),
        f"{state}: {trial.message}" if trial.message else state,
    ]


def _plots(study: Study, space: SearchSpace) -> Iterable[str]:
    if study.best is None:
        yield "<p>No trial has an objective, so there is nothing to plot.</p>"
        return
    yield f"<h2>Objective, trial by trial</h2>{_html(_history(study))}"
    yield f"<h2>Objective by parameter</h2>{_html(_slices(study, space))}"
    if any(len(trial.measurements) > 1 for trial in study.trials):
        yield f"<h2>Objective while training</h2>{_html(_curves(study))}"


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
