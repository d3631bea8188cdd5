"""The page's plots, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go

from hptune.results.report.importance import Importance, importance_figure, importance_of
from hptune.results.report.marks import Kind, by_kind, counted, frame_of, numbered, short
from hptune.results.report.parameters import AXIS_WIDTH_PX, parallel_figure, parameters_by, slice_figure
from hptune.results.report.posterior import Positions, Posterior
from hptune.results.report.progress import best_so_far_figure, chosen_curves, curves_figure
from hptune.results.report.surrogate import Surrogate
from hptune.results.report.thin import drawn
from hptune.results.report.timeline import Timeline, timeline_figure, timeline_of
from hptune.results.study import JobStatus, Study
from hptune.results.tables import format_duration
from hptune.search.space import Parameter, SearchSpace, Value


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        name: Its element's id.
        title: Its heading, where the section has several; else empty.
        figure: What is drawn.
        least_width_px: The width below which it is scrolled instead of squeezed.
    """

    name: str
    title: str
    figure: go.Figure
    least_width_px: int = 0


@dataclass(frozen=True)
class Section:
    """Plots under one heading.

    Attributes:
        name: Its element's id.
        title: Its heading.
        text: What it shows, in words.
        plots: The plots.
        key: The symbols that tell trials apart there.
        posterior: The posterior under a slider, in place of plots.
    """

    name: str
    title: str
    text: str
    plots: Sequence[Plot] = ()
    key: Sequence[Kind] = ()
    posterior: Posterior | None = None


def sections(status: JobStatus, space: SearchSpace, *, suggests: bool, seed: int) -> list[Section]:
    """Makes the sections of a job's page; few where no trial has an objective.

    Args:
        status: The job.
        space: Its search space.
        suggests: Whether the Gaussian process suggested the job's trials.
        seed: Seed of the suggestions.
    """
    study = drawn(status.study)
    timeline = timeline_of(replace(status, study=study))
    last = [_timeline(timeline, study)] if timeline else []
    if study.best is None:
        return last
    surrogate = Surrogate(study, space)
    belief = surrogate.after(study.finished)
    importance = importance_of(surrogate, belief) if belief else None
    ordered = parameters_by(importance.order if importance else (), space)
    tuned = [parameter for parameter in ordered if parameter.name in surrogate.names]
    found: list[Section | None] = [
        _history(study),
        _posterior(study, space, tuned, surrogate, surrogate.suggestion(seed) if suggests else None),
        _importance(importance) if importance else None,
        _slices(study, ordered),
        _parallel(study, space),
        _curves(study),
        *last,
    ]
    return [section for section in found if section]


def _key(study: Study) -> list[Kind]:
    found = by_kind(study.trials, study.best)
    return [kind for kind in Kind if kind in found]


def _history(study: Study) -> Section:
    best, frame = study.best, frame_of(study)
    without = [trial.id for trial in study.trials if trial.final is None]
    measured = [trial for trial in study.trials if trial.final]
    first = measured[0]
    parts = []
    if best and best.final and first.final and best is not first:
        start, end = short(first.final.value), short(best.final.value)
        parts.append(f"From {start} in trial {first.id} to {end} in trial {best.id}.")
    parts.append("The dotted line is the best so far.")
    if without:
        parts.append(f"Without an objective, in the strip below: {numbered(without)}.")
    text = " ".join([*parts, frame.note]).strip()
    plots = [Plot("history", "", best_so_far_figure(study))]
    return Section("progress", "Objective, trial by trial", text, plots, _key(study))


def _posterior(
    study: Study,
    space: SearchSpace,
    tuned: Sequence[Parameter],
    surrogate: Surrogate,
    following: Mapping[str, Value] | None,
) -> Section | None:
    if not tuned:
        return None
    posterior = Positions(study, space, tuned[:2], surrogate).posterior(following)
    if posterior is None:
        return None
    who = (
        "The bandit models the objective with a Gaussian process and tries next what promises most."
        if following
        else "Another algorithm suggested these trials; hptune's Gaussian process shows what they tell."
    )
    others = [name for name in surrogate.names if name not in posterior.names]
    rest = f" Other parameters are those of the best trial so far: {', '.join(others)}." if others else ""
    text = (
        f"{who} The slider sets how many trials it has seen. The band, and the uncertainty, hold the middle "
        f"68 % of what it thinks possible.{rest}"
    )
    title = "What the Gaussian process believes"
    return Section("posterior", title, text, key=_key(study), posterior=posterior)


def _importance(importance: Importance) -> Section:
    def words(shares: dict[str, float]) -> str:
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {share:.0%}" for name, share in ordered[:4])

    text = (
        "Plain bars: how fast the objective changes along a parameter, by the lengthscales of the Gaussian "
        f"process: {words(importance.relevance)}."
    )
    if importance.ped_anova:
        text += (
            " Hatched bars: how much it sets the best tenth of the trials apart, by PED-ANOVA: "
            f"{words(importance.ped_anova)}."
        )
    else:
        text += " PED-ANOVA needs five trials with different objectives."
    return Section(
        "importance",
        "Which parameters matter",
        text,
        [Plot("importance-bars", "", importance_figure(importance))],
    )


def _slices(study: Study, ordered: Sequence[Parameter]) -> Section:
    plots = [
        Plot(f"slice-{number}", parameter.name, slice_figure(study, parameter))
        for number, parameter in enumerate(ordered, 1)
    ]
    text = (
        f"{study.metric} against each parameter, on the scale that it is searched on, most important first."
    )
    return Section("slices", "Objective by parameter", text, plots, _key(study))


def _parallel(study: Study, space: SearchSpace) -> Section:
    text = (
        "A line is a trial, through its parameters to its objective; better ones end higher. "
        "Thick: the best. Dashed: the rest of the best quarter. Thin: the others."
    )
    if any(trial.final is None for trial in study.trials):
        text += " Dotted: those without an objective."
    width = AXIS_WIDTH_PX * (len(space) + 1)
    plots = [Plot("parallel-lines", "", parallel_figure(study, space), width)]
    return Section("parallel", "All parameters at once", text, plots)


def _curves(study: Study) -> Section | None:
    chosen = chosen_curves(study)
    if not chosen:
        return None
    text = f"{study.metric} as {counted(len(chosen))} reported it; the thick line is the best trial's."
    left_out = sum(1 for trial in study.trials if len(trial.measurements) > 1) - len(chosen)
    if left_out:
        text += f" Left out, for room: {left_out} more. Long curves are thinned."
    silent = [trial.id for trial in study.trials if trial.final is None and not trial.measurements]
    if silent:
        text += f" Ended, or not yet there, without a report: {numbered(silent)}."
    plots = [Plot("curves-lines", "", curves_figure(study, chosen))]
    key = [kind for kind in _key(study) if kind in by_kind(chosen, study.best)]
    return Section("curves", "Learning curves", text, plots, key)


def _timeline(timeline: Timeline, study: Study) -> Section:
    share = timeline.idle_s / timeline.total_s if timeline.total_s else 0.0
    text = (
        f"{format_duration(timeline.total_s)} in all. In {format_duration(timeline.idle_s)} of them "
        f"({share:.1%}) no trial ran: the start, suggestions, and any time the job itself did not run."
    )
    plots = [Plot("timeline-bars", "", timeline_figure(timeline, study))]
    return Section("timeline", "When trials ran", text, plots, _key(study))


def plot_label(plot: Plot, section: Section) -> str:
    """Returns what a plot is called for those who do not see it."""
    return f"{section.title}: {plot.title}" if plot.title else section.title
