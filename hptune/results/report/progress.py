"""Plots of how a job went: objective against trial, and learning curves."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hptune.results.report.marks import (
    GRAY,
    HEIGHT_PX,
    Frame,
    Kind,
    by_kind,
    frame_of,
    kind_of,
    marker,
    objective_axes,
    scatters,
)
from hptune.results.study import Measurement, Study, Trial

MAX_CURVES = 40
MAX_CURVE_POINTS = 50


def best_so_far_figure(study: Study) -> go.Figure:
    """Draws the objective against the trial, with the best so far.

    Trials without an objective - failed, running - are in a strip below.
    """
    frame = frame_of(study)
    figure = go.Figure()
    measured = [(trial.id, trial.final.value) for trial in study.trials if trial.final]
    figure.add_scatter(
        x=[trial_id for trial_id, _ in measured],
        y=[frame.place(value) for value in best_so_far(study, [value for _, value in measured])],
        mode="lines",
        line={"shape": "hv", "color": GRAY, "dash": "dot", "width": 2},
        name="best so far",
        hoverinfo="skip",
    )
    scatters(figure, study, [(trial, trial.id) for trial in study.trials], frame)
    last = max((trial.id for trial in study.trials), default=1)
    ticks = {"dtick": 1} if last <= 12 else {}
    figure.update_xaxes(
        title="trial", tickformat="d", range=[0.5 - last / 40, last + 0.5 + last / 40], **ticks
    )
    return figure


def best_so_far(study: Study, values: Sequence[float]) -> list[float]:
    """Returns the best of each objective and those before it."""
    best = list(values[:1])
    for value in values[1:]:
        best.append(value if study.goal.better(value, best[-1]) else best[-1])
    return best


def chosen_curves(study: Study) -> tuple[Trial, ...]:
    """Returns the trials whose curves are drawn: of many, the best and as many that did not end well."""
    curves = [trial for trial in study.ranked if len(_finite(trial)) > 1]
    ended_badly = [trial for trial in curves if kind_of(trial) is not Kind.SUCCEEDED][: MAX_CURVES // 2]
    shown = ended_badly + [trial for trial in curves if trial not in ended_badly]
    return tuple(sorted(shown[:MAX_CURVES], key=lambda trial: trial.id))


def curves_figure(study: Study, trials: Sequence[Trial]) -> go.Figure:
    """Draws the objective against the trainer's step, a line a trial; the best one's is drawn last.

    A symbol at its end says what became of the trial.
    """
    figure = go.Figure()
    frame = _frame_of_curves(study, trials)
    for kind, group in by_kind(trials, study.best).items():
        for trial in group:
            figure.add_trace(_curve(kind, trial, frame))
        figure.add_trace(_ends(kind, group, frame))
    objective_axes(figure, study, frame, strip=False)
    figure.update_layout(height=HEIGHT_PX)
    figure.update_xaxes(title="step")
    return figure


def _frame_of_curves(study: Study, trials: Sequence[Trial]) -> Frame:
    values = [each.value for trial in trials for each in _thinned(trial)]
    frame = frame_of(study)
    # A curve may begin anywhere; only what lies far beyond where trials end is cut off.
    spread = frame.high - frame.low or abs(frame.high) or 1.0
    low, high = min(values), max(values)
    return Frame(max(low, frame.low - 20.0 * spread), min(high, frame.high + 20.0 * spread), ())


def _curve(kind: Kind, trial: Trial, frame: Frame) -> go.Scatter:
    points = _thinned(trial)
    best = kind is Kind.BEST
    return go.Scatter(
        x=[each.step for each in points],
        y=[frame.place(each.value) for each in points],
        mode="lines",
        line={"color": kind.look.color, "dash": kind.look.dash, "width": 3.5 if best else 1.5},
        opacity=1.0 if best else 0.6,
        name=f"trial {trial.id}",
        hovertemplate=f"trial {trial.id}, {kind.look.label}<br>step %{{x}}: %{{y:.4g}}<extra></extra>",
    )


def _ends(kind: Kind, trials: Sequence[Trial], frame: Frame) -> go.Scatter:
    last = [_finite(trial)[-1] for trial in trials]
    return go.Scatter(
        x=[each.step for each in last],
        y=[frame.place(each.value) for each in last],
        mode="markers",
        marker=marker(kind),
        customdata=[trial.id for trial in trials],
        name=kind.look.label,
    )


def _finite(trial: Trial) -> list[Measurement]:
    return [each for each in trial.measurements if each.finite]


def _thinned(trial: Trial) -> list[Measurement]:
    """Returns the curve's points, of many an even choice with the first and the last."""
    points = _finite(trial)
    if len(points) <= MAX_CURVE_POINTS:
        return points
    last = len(points) - 1
    return [points[round(last * k / (MAX_CURVE_POINTS - 1))] for k in range(MAX_CURVE_POINTS)]
