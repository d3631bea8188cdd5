"""The view of a job that runs: its status first, then its trials, in as many lines as there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from hptune.results.printable import printable
from hptune.results.progress import Progress, measure_progress
from hptune.results.study import Study, Trial
from hptune.results.tables import format_duration, format_state, short_value, state_word
from hptune.results.trial_rows import TrialRows, dots_for, fit_line

# Lines that the best trial's parameters may take, and that messages of trials are left in any case.
_MAX_BEST_LINES = 3
_MIN_MESSAGES = 2
# Below this height the view does without all but status and trials.
_LOW = 12
_BAR_WIDTH = 20


@dataclass(frozen=True)
class Screen:
    """What a view is drawn for.

    Attributes:
        width: Characters of a line.
        height: Lines that may be used; None for as many as it takes.
        ascii_only: Whether to do without other characters.
    """

    width: int
    height: int | None = None
    ascii_only: bool = False

    def fit(self, line: Text) -> Text:
        """Cuts a line that is too long."""
        return fit_line(line, self.width, dots_for(self.ascii_only))


def status_line(study: Study, since: datetime, now: datetime, screen: Screen) -> Text:
    """Says in one line how far a job is: trials done of all, the best so far, time taken and left.

    Args:
        study: The job's trials.
        since: When it, or whoever shows it, began.
        now: The time.
        screen: Where the line is shown.
    """
    progress = measure_progress(study, since, now)
    parts = [
        f"{progress.finished}/{progress.total} trials",
        best_so_far(study),
        _whole(progress.elapsed_s),
    ]
    if progress.left_s is not None and progress.finished < progress.total:
        # A trial that takes longer than the others did ends at any moment.
        parts.append(f"about {_roughly(max(1.0, progress.left_s))} left")
    line = "  ".join(parts)
    if len(line) + _BAR_WIDTH + 2 <= screen.width:
        line = f"{_bar(progress, screen)}  {line}"
    return screen.fit(Text(line, style="bold"))


def view_lines(study: Study, since: datetime, now: datetime, screen: Screen) -> list[Text]:
    """Draws a job: the status, the running trials, the finished ones, best first, then what went wrong.

    What does not fit below the status line is left out, the least interesting first, and counted.

    Args:
        study: The job's trials.
        since: When it, or whoever shows it, began.
        now: The time.
        screen: Where the lines are shown.

    Returns:
        At most ``screen.height`` lines of at most ``screen.width`` characters.
    """
    running = [trial for trial in study.trials if not trial.state.finished]
    finished = [trial for trial in study.ranked if trial.state.finished]
    told = [trial for trial in reversed(study.finished) if trial.message]
    head = [status_line(study, since, now, screen), *_about(study, screen)]
    if screen.height is None:
        return [*head, *_rows(study, running, finished, now, screen), *_messages(told, screen)]
    # The table has a header, and may need a line for what it leaves out.
    room = screen.height - len(head) - 2
    shown_running = running[: max(1, room - min(3, len(finished)))]
    room -= len(shown_running)
    messages = min(len(told), max(_MIN_MESSAGES if screen.height >= _LOW else 0, room - len(finished)))
    shown_finished = finished[: max(0, room - messages)]
    lines = [*head, *_rows(study, shown_running, shown_finished, now, screen)]
    if hidden := _hidden(running[len(shown_running) :], finished[len(shown_finished) :]):
        lines.append(screen.fit(Text(hidden, style="dim")))
    return [*lines, *_messages(told[:messages], screen)][: screen.height]


def _about(study: Study, screen: Screen) -> Iterator[Text]:
    """Says what the job is, what its trials do, and the best one's parameters."""
    if screen.height is not None and screen.height < _LOW:
        return
    counts = Counter(state_word(trial) for trial in study.trials)
    states = ", ".join(f"{count} {word}" for word, count in counts.items())
    title = f"{study.name}: {study.goal.value.lower()} {study.metric}"
    yield screen.fit(Text(printable(f"{title}; {states}" if states else title)))
    if best := study.best:
        values = [f"{name}={short_value(value)}" for name, value in best.parameters.items()]
        yield from _folded(printable(" ".join([f"best: trial {best.id} with", *values])), screen)


def _folded(text: str, screen: Screen) -> Iterator[Text]:
    """Folds a text at its blanks; the last line that is allowed is cut."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= screen.width or not lines[-1] or len(lines) == _MAX_BEST_LINES:
            lines[-1] = longer
        else:
            lines.append(f"  {word}")
    yield from (screen.fit(Text(line, style="bold")) for line in lines)


def _rows(
    study: Study, running: Sequence[Trial], finished: Sequence[Trial], now: datetime, screen: Screen
) -> Iterator[Text]:
    shown = [*running, *finished]
    if not shown:
        return
    rows = TrialRows(study, shown, screen.width, now, ascii_only=screen.ascii_only)
    yield rows.header
    yield from (rows.row(index) for index in range(len(shown)))


def _hidden(running: Sequence[Trial], finished: Sequence[Trial]) -> str:
    parts = [f"{len(running)} that run"] if running else []
    parts += [f"{len(finished)} finished"] if finished else []
    return f"and {' and '.join(parts)} more" if parts else ""


def _messages(trials: Sequence[Trial], screen: Screen) -> Iterator[Text]:
    for trial in trials:
        style = "yellow" if trial.final else "red"
        yield screen.fit(Text(f"trial {trial.id} {format_state(trial)}", style=style))


def best_so_far(study: Study) -> str:
    """Says which trial is the best so far, and its objective."""
    best = study.best
    return f"best {best.final.value:.6g} (trial {best.id})" if best and best.final else "no best yet"


def _roughly(seconds: float) -> str:
    """Writes an estimate: no tenths of a second, no seconds of minutes."""
    return f"{round(seconds / 60)} min" if 60 <= seconds < 3600 else _whole(seconds)


def _whole(seconds: float) -> str:
    """Writes a time that goes on: a tenth of a second has passed before it is read."""
    return f"{int(seconds)} s" if seconds < 60 else format_duration(seconds)


def _bar(progress: Progress, screen: Screen) -> str:
    full, empty = ("#", ".") if screen.ascii_only else ("━", "─")
    done = _BAR_WIDTH * progress.finished // max(1, progress.total)
    return full * done + empty * (_BAR_WIDTH - done)
