"""A plot of when each trial ran, and what else took time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go

from hptune.results.report.marks import GRAY, Kind, kind_of
from hptune.results.study import JobStatus, Study, Trial

_LANE_PX = 30
_UNITS = ((3 * 3600.0, 3600.0, "hours"), (180.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


@dataclass(frozen=True)
class Span:
    """When something went on, in seconds since the job began.

    Attributes:
        start_s: Its start.
        end_s: Its end.
    """

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Timeline:
    """When the trials of a job ran.

    Attributes:
        lanes: The trials that ran after one another, and when, for each that could run at once.
        idle: When no trial ran.
        total_s: From the job's beginning to its end, or to its latest trial's.
    """

    lanes: list[list[tuple[Trial, Span]]]
    idle: list[Span]
    total_s: float

    @property
    def idle_s(self) -> float:
        """Seconds in which no trial ran."""
        return sum(span.end_s - span.start_s for span in self.idle)


def timeline_of(status: JobStatus) -> Timeline | None:
    """Returns when the trials of a job ran; None where none of them is known to have ended."""
    timed = [
        (trial, trial.start_time, trial.end_time)
        for trial in status.study.trials
        if trial.start_time and trial.end_time and trial.end_time >= trial.start_time
    ]
    if not timed:
        return None
    begin = min([status.create_time, *(start for _, start, _ in timed)])
    ends = [end for _, _, end in timed]
    spans = sorted(
        ((trial, Span(_seconds(begin, start), _seconds(begin, end))) for trial, start, end in timed),
        key=lambda each: each[1].start_s,
    )
    total_s = _seconds(begin, max([*ends, *([status.end_time] if status.end_time else [])]))
    return Timeline(_lanes(spans), _gaps([span for _, span in spans], total_s), total_s)


def _seconds(begin: datetime, time: datetime) -> float:
    return (time - begin).total_seconds()


def _lanes(spans: Sequence[tuple[Trial, Span]]) -> list[list[tuple[Trial, Span]]]:
    """Puts each trial, in order of their starts, into the first lane that is free by then."""
    lanes: list[list[tuple[Trial, Span]]] = []
    for trial, span in spans:
        lane = next((lane for lane in lanes if lane[-1][1].end_s <= span.start_s), None)
        if lane is None:
            lanes.append(lane := [])
        lane.append((trial, span))
    return lanes


def _gaps(spans: Sequence[Span], total_s: float) -> list[Span]:
    gaps, end_s = [], 0.0
    for span in [*spans, Span(total_s, total_s)]:
        if span.start_s > end_s:
            gaps.append(Span(end_s, span.start_s))
        end_s = max(end_s, span.end_s)
    return gaps


def timeline_figure(timeline: Timeline, study: Study) -> go.Figure:
    """Draws a bar a trial, those that ran at once below one another.

    A lane of its own has the time in which no trial ran.
    """
    size_s, name = next((size, name) for least, size, name in _UNITS if timeline.total_s >= least)
    figure = go.Figure()
    rows = [f"slot {lane}" for lane in range(1, len(timeline.lanes) + 1)]
    drawn: dict[Kind, list[tuple[str, Trial, Span]]] = {}
    for row, lane in zip(rows, timeline.lanes, strict=True):
        for trial, span in lane:
            drawn.setdefault(kind_of(trial, study.best), []).append((row, trial, span))
    for kind, bars in drawn.items():
        figure.add_trace(_bars(kind, bars, size_s))
    figure.add_bar(
        orientation="h",
        y=["no trial"] * len(timeline.idle),
        base=[span.start_s / size_s for span in timeline.idle],
        x=[(span.end_s - span.start_s) / size_s for span in timeline.idle],
        marker={"color": GRAY},
        hovertemplate=f"no trial ran for %{{x:.3g}} {name}<extra></extra>",
    )
    figure.update_layout(
        barmode="overlay",
        height=72 + _LANE_PX * (len(rows) + 1),
        showlegend=False,
        margin={"t": 8, "r": 16, "b": 48, "l": 72},
        uniformtext={"mode": "hide", "minsize": 10},
        yaxis={"categoryorder": "array", "categoryarray": ["no trial", *reversed(rows)], "fixedrange": True},
    )
    figure.update_xaxes(title=f"{name} since the job began", rangemode="tozero")
    return figure


def _bars(kind: Kind, bars: Sequence[tuple[str, Trial, Span]], size_s: float) -> go.Bar:
    return go.Bar(
        orientation="h",
        y=[row for row, _, _ in bars],
        base=[span.start_s / size_s for _, _, span in bars],
        x=[(span.end_s - span.start_s) / size_s for _, _, span in bars],
        text=[str(trial.id) for _, trial, _ in bars],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        marker={
            "color": kind.look.color,
            "pattern": {
                "shape": kind.look.pattern,
                "size": 7,
                "fillmode": "overlay",
                "fgcolor": "rgba(0,0,0,0.4)",
            },
            "line": {"width": 1, "color": "rgba(255,255,255,0.6)"},
        },
        customdata=[trial.id for _, trial, _ in bars],
        name=kind.look.label,
    )
