"""How trials look in every plot: by symbol, dash and pattern as well as by colour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from html import escape

import plotly.graph_objects as go

from hptune.results.study import Study, Trial, TrialState

# Three to one, at least, against a white and against a black background.
BLUE, ORANGE, RED, GRAY, GREEN, PURPLE = "#2f7ed8", "#d9730d", "#d9453d", "#7a828c", "#2e9d5b", "#8e63ce"

HEIGHT_PX = 340
_LABEL_LENGTH = 16
_STRIP = {"domain": [0.0, 0.09], "range": [-1, 1], "zeroline": False, "showgrid": False, "fixedrange": True}
_OUTLIER_FACTOR = 20.0


@dataclass(frozen=True)
class Look:
    """How one kind of trial is drawn.

    Attributes:
        label: What it is called.
        sign: The symbol as a character, for the key.
        symbol: The symbol's name in plotly.
        color: Its colour, on a light and on a dark page.
        dash: Of lines.
        pattern: Of bars.
    """

    label: str
    sign: str
    symbol: str
    color: str
    dash: str
    pattern: str


class Kind(Enum):
    """What became of a trial."""

    BEST = Look("best", "★", "star", GREEN, "solid", "")
    SUCCEEDED = Look("succeeded", "●", "circle", BLUE, "solid", "")
    STOPPED = Look("stopped early", "▼", "triangle-down", ORANGE, "dash", "/")
    FAILED = Look("failed", "✕", "x", RED, "dot", "x")
    CANCELLED = Look("cancelled", "◇", "diamond-open", GRAY, "dashdot", "-")
    RUNNING = Look("not finished", "○", "circle-open", PURPLE, "longdash", ".")

    @property
    def look(self) -> Look:
        """How it is drawn."""
        return self.value


_KINDS = {TrialState.FAILED: Kind.FAILED, TrialState.CANCELLED: Kind.CANCELLED}


def kind_of(trial: Trial, best: Trial | None = None) -> Kind:
    """Returns what became of a trial, of which ``best`` is the best one."""
    if best is not None and trial.id == best.id:
        return Kind.BEST
    if trial.stopped_early:
        return Kind.STOPPED
    return Kind.SUCCEEDED if trial.state is TrialState.SUCCEEDED else _KINDS.get(trial.state, Kind.RUNNING)


def by_kind(trials: Iterable[Trial], best: Trial | None) -> dict[Kind, list[Trial]]:
    """Groups trials by what became of them; the best one comes last, to be drawn on top."""
    groups: dict[Kind, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(kind_of(trial, best), []).append(trial)
    order = [*(kind for kind in Kind if kind is not Kind.BEST), Kind.BEST]
    return {kind: groups[kind] for kind in order if kind in groups}


def marker(kind: Kind) -> dict[str, object]:
    """Returns plotly's settings of a kind's symbol."""
    return {"symbol": kind.look.symbol, "color": kind.look.color, "size": 14 if kind is Kind.BEST else 9}


@dataclass(frozen=True)
class Frame:
    """The objectives that plots have room for: a diverged trial must not flatten all others.

    Attributes:
        low: The lowest, None where there is no objective.
        high: The highest.
        beyond: Trials that lie outside, which plots show at the edge.
    """

    low: float
    high: float
    beyond: tuple[int, ...]

    def place(self, value: float) -> float:
        """Returns where an objective is drawn."""
        return min(max(value, self.low), self.high)

    @property
    def note(self) -> str:
        """Says which trials are drawn elsewhere than where they are; empty where none is."""
        if not self.beyond:
            return ""
        return f"So far off that they are drawn at the edge: {numbered(self.beyond)}."

    @property
    def range(self) -> list[float]:
        """The axis, with a margin."""
        margin = 0.06 * (self.high - self.low) or 0.06 * abs(self.high) or 1.0
        return [self.low - margin, self.high + margin]


def frame_of(study: Study) -> Frame:
    """Returns the room for a study's objectives; (0, 1) where it has none.

    The bad end is cut where it lies many times farther from the median than the best does.
    """
    values = sorted(trial.final.value for trial in study.trials if trial.final)
    if not values:
        return Frame(0.0, 1.0, ())
    low, high, median = values[0], values[-1], values[len(values) // 2]
    maximize = study.goal.better(1.0, 0.0)
    quarter = values[len(values) // 4] if maximize else values[-1 - len(values) // 4]
    reach = _OUTLIER_FACTOR * max(abs(median - (high if maximize else low)), abs(median - quarter))
    if math.isfinite(reach) and reach > 0.0:
        low, high = (max(low, median - reach), high) if maximize else (low, min(high, median + reach))
    outside = [t.id for t in study.trials if t.final and not low <= t.final.value <= high]
    return Frame(low, high, tuple(outside))


def numbered(trial_ids: Sequence[int], most: int = 8) -> str:
    """Names trials in words: ``trial 3``, ``trials 3, 5 and 7``; of many, the first."""
    names = [str(each) for each in trial_ids[:most]]
    if len(trial_ids) > most:
        return f"trials {', '.join(names)} and {len(trial_ids) - most} more"
    last = names.pop()
    return f"trials {', '.join(names)} and {last}" if names else f"trial {last}"


def counted(count: int) -> str:
    """Counts trials: ``1 trial``, ``3 trials``."""
    return f"{count} trial" if count == 1 else f"{count:,} trials"


def label(text: str, length: int = _LABEL_LENGTH) -> str:
    """Writes a name as a plot shows it: cut where it is long, and without markup, which plotly would take."""
    return escape(text if len(text) <= length else f"{text[: length - 1]}…")


def short(value: float | str) -> str:
    """Writes a value for people: numbers of four significant digits, whole numbers as they are."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else f"{value:.4g}"


def objective_axes(figure: go.Figure, study: Study, frame: Frame, *, strip: bool) -> None:
    """Sets the objective's axis and, below it, the strip of the trials that have none."""
    figure.update_layout(height=HEIGHT_PX, showlegend=False, margin={"t": 16, "r": 16, "b": 48, "l": 64})
    figure.update_layout(yaxis={"range": frame.range, "title": label(study.metric, 32)})
    if strip:
        figure.update_layout(yaxis={"domain": [0.14, 1.0]}, xaxis={"anchor": "y2"})
        figure.update_layout(yaxis2={**_STRIP, "tickvals": [0], "ticktext": ["none"]})


def scatter(kind: Kind, trials: Sequence[Trial], x: Sequence[float], frame: Frame) -> go.Scatter:
    """Makes a kind's points at ``x`` (one a trial): at their objective, or in the strip where they have none.

    The page's script writes what a point says when it is pointed at, by the trial's number.
    """
    without = [trial.final is None for trial in trials]
    return go.Scatter(
        x=list(x),
        y=[frame.place(trial.final.value) if trial.final else 0 for trial in trials],
        yaxis="y2" if all(without) else "y",
        mode="markers",
        marker=marker(kind),
        customdata=[trial.id for trial in trials],
        name=kind.look.label,
    )


def scatters(figure: go.Figure, study: Study, points: Sequence[tuple[Trial, float]], frame: Frame) -> None:
    """Draws trials at their ``x``, kind by kind, those without an objective in a strip of their own."""
    places = {trial.id: x for trial, x in points}
    for kind, trials in by_kind([trial for trial, _ in points], study.best).items():
        for measured in (True, False):
            group = [trial for trial in trials if (trial.final is not None) is measured]
            if group:
                figure.add_trace(scatter(kind, group, [places[trial.id] for trial in group], frame))
    objective_axes(figure, study, frame, strip=any(trial.final is None for trial, _ in points))
