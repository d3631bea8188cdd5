"""Shows trials as rows that fit a width: what does not fit is left out by whole columns, and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from hptune.results.printable import printable
from hptune.results.study import Measurement, Study, Trial, TrialState
from hptune.results.tables import short_value, state_word

_GAP = 2
# The width of a name or a value in characters, likewise.
_NAME_WIDTHS = ((160, 16), (0, 10))
# The curve's width in characters, by the least width of the screen that has room for it.
_CURVE_WIDTHS = ((160, 20), (100, 12), (0, 8))
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*#@"
_STYLES = {
    TrialState.RUNNING: "cyan",
    TrialState.SUCCEEDED: "green",
    TrialState.FAILED: "bold red",
    TrialState.CANCELLED: "magenta",
}


@dataclass(frozen=True)
class _Column:
    title: str
    cells: list[str]
    right: bool = True

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.title, *self.cells)))


class TrialRows:
    """Rows of some trials, a line each.

    Args:
        study: Their study.
        shown: The trials, in the order of their rows.
        width: The characters that a row may take.
        now: The time, for the trials that run.
        ascii_only: Whether to do without other characters.

    Attributes:
        hidden: The parameters that have no column.
    """

    def __init__(
        self, study: Study, shown: Sequence[Trial], width: int, now: datetime, *, ascii_only: bool = False
    ) -> None:
        self._best = study.best
        self._trials = shown
        self._width = width
        self._dots = dots_for(ascii_only)
        columns = [
            _Column("trial", [str(trial.id) for trial in shown]),
            _Column("state", [state_word(trial) for trial in shown], right=False),
            _Column(self._cut(printable(study.metric)), [_objective(trial) for trial in shown]),
            _Column("step", [_step(trial) for trial in shown]),
            _Column("time", [_time(trial, now) for trial in shown]),
        ]
        # Where nothing moves any more, parameters say more.
        curves = [] if all(trial.state.finished for trial in shown) else [self._curve(ascii_only)]
        names = list(dict.fromkeys(name for trial in study.trials for name in trial.parameters))
        parameters = [self._parameter(name) for name in names]
        room = width - sum(column.width + _GAP for column in (*columns, *curves))
        fitting = _count_fitting([column.width for column in parameters], room)
        self.hidden = tuple(names[fitting:])
        self._columns = [*columns, *curves, *parameters[:fitting]]
        self._more = f"+{len(self.hidden)} more" if self.hidden else ""

    @property
    def header(self) -> Text:
        """The columns' titles."""
        titles = [_pad(column.title, column) for column in self._columns]
        return self._line(Text((" " * _GAP).join([*titles, self._more]).rstrip(), style="bold underline"))

    def row(self, index: int) -> Text:
        """Returns the row of the trial at an index of those shown."""
        trial = self._trials[index]
        line = Text(style="bold" if trial is self._best else "")
        for number, column in enumerate(self._columns):
            cell = _pad(column.cells[index], column)
            style = ""
            if column.title == "state":
                style = "yellow" if trial.stopped_early else _STYLES.get(trial.state, "dim")
            line.append(" " * _GAP if number else "").append(cell, style=style)
        line.rstrip()
        return self._line(line)

    def _curve(self, ascii_only: bool) -> _Column:
        width = _of_width(_CURVE_WIDTHS, self._width)
        bars = _ASCII_BARS if ascii_only else _BARS
        curves = [sparkline(trial.measurements, width, bars) for trial in self._trials]
        return _Column("curve".ljust(width), curves, right=False)

    def _parameter(self, name: str) -> _Column:
        values = [
            self._cut(printable(short_value(trial.parameters[name]))) if name in trial.parameters else "-"
            for trial in self._trials
        ]
        return _Column(self._cut(printable(name)), values)

    def _cut(self, text: str) -> str:
        width = _of_width(_NAME_WIDTHS, self._width)
        if cell_len(text) <= width:
            return text
        return set_cell_size(text, width - len(self._dots)).rstrip() + self._dots

    def _line(self, line: Text) -> Text:
        return fit_line(line, self._width, self._dots)


def _of_width(widths: Sequence[tuple[int, int]], width: int) -> int:
    return next(chars for least, chars in widths if width >= least)


def dots_for(ascii_only: bool) -> str:
    """Returns what a text that is cut off ends in."""
    return "..." if ascii_only else "…"


def fit_line(line: Text, width: int, dots: str) -> Text:
    """Makes a line that never wraps; what is too long for it ends in dots."""
    if line.cell_len > width:
        line.truncate(max(0, width - len(dots)))
        line.append(dots[:width])
    line.no_wrap, line.overflow = True, "crop"
    return line


def sparkline(measurements: Sequence[Measurement], width: int, bars: str = _BARS) -> str:
    """Draws a trial's curve in a line of text.

    Args:
        measurements: The curve; what is not finite is left out.
        width: The characters that it may take; of more measurements each character shows the last of a few.
        bars: The characters, lowest first.

    Returns:
        At most ``width`` characters; none for a curve of less than two values.
    """
    values = [each.value for each in measurements if each.finite]
    if len(values) < 2:
        return ""
    count = min(width, len(values))
    shown = [values[(index + 1) * len(values) // count - 1] for index in range(count)]
    low, high = min(shown), max(shown)
    if high == low:
        return bars[0] * count
    # Halved, since the difference of two large values may not be finite.
    places = [(value / 2 - low / 2) / (high / 2 - low / 2) for value in shown]
    return "".join(bars[round(place * (len(bars) - 1))] for place in places)


def _count_fitting(widths: Sequence[int], room: int) -> int:
    """Counts the leading columns that fit, beside a note of how many do not."""
    if sum(widths) + _GAP * max(0, len(widths) - 1) <= room:
        return len(widths)
    room -= len(f"+{len(widths)} more")
    count = 0
    while count < len(widths) and widths[count] + _GAP <= room:
        room -= widths[count] + _GAP
        count += 1
    return count


def _pad(cell: str, column: _Column) -> str:
    blanks = " " * (column.width - cell_len(cell))
    return blanks + cell if column.right else cell + blanks


def _latest(trial: Trial) -> Measurement | None:
    if trial.state.finished:
        return trial.final
    return trial.measurements[-1] if trial.measurements else None


def _objective(trial: Trial) -> str:
    latest = _latest(trial)
    return f"{latest.value:.6g}" if latest else "-"


def _step(trial: Trial) -> str:
    latest = _latest(trial)
    return str(latest.step) if latest else "-"


def _time(trial: Trial, now: datetime) -> str:
    seconds = trial.duration_s
    if seconds is None and trial.start_time and not trial.state.finished:
        seconds = (now - trial.start_time).total_seconds()
    if seconds is None:
        return "-"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
