"""Says a study in words, for people: states, durations, values, the best trial."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from hptune.results.printable import printable
from hptune.results.study import Study, Trial
from hptune.search.space import Value, format_values


def summary_table(study: Study) -> Table:
    """Makes the table of ``jobs describe --summarize``: trial, objective, step."""
    table = Table("TRIAL", "OBJECTIVE_VALUE", "STEP", box=None)
    for trial in study.ranked:
        table.add_row(*cells_of(trial, [])[:3])
    return table


def cells_of(trial: Trial, names: Sequence[str]) -> list[Text]:
    """Writes a trial's row: number, objective, step, these parameters, duration, state."""
    final = trial.final
    cells = [
        str(trial.id),
        f"{final.value:.6g}" if final else "-",
        str(final.step) if final else "-",
        *(short_value(trial.parameters[name]) if name in trial.parameters else "-" for name in names),
        format_duration(trial.duration_s),
        format_state(trial),
    ]
    # Text, because a string would be searched for Rich's markup.
    return [Text(printable(cell)) for cell in cells]


def short_value(value: Value) -> str:
    """Writes a parameter's value, a number with at most four digits that count."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def best_line(study: Study) -> str:
    """Tells the best trial in words; empty while there is none."""
    best = study.best
    if best is None or best.final is None:
        return ""
    return f"best: trial {best.id}, {study.metric} {best.final.value:.6g} with {assignments(best)}"


def assignments(trial: Trial) -> str:
    """Writes a trial's parameters as words ``name=value``."""
    return printable(" ".join(f"{name}={value}" for name, value in format_values(trial.parameters).items()))


def format_state(trial: Trial) -> str:
    """Tells how a trial stands or ended, with its message."""
    state = state_word(trial)
    return printable(f"{state}: {trial.message}") if trial.message else state


def state_word(trial: Trial) -> str:
    """Tells how a trial stands or ended, in a word or two."""
    return "stopped early" if trial.stopped_early else trial.state.value


def format_duration(seconds: float | None) -> str:
    """Writes seconds as people say them: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return "-"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
