"""Shows a study as tables and lines, for people."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from hptune.results.study import Study, Trial
from hptune.search.space import Value, format_values

# A long message must not take the columns' place.
_MAX_STATE_WIDTH = 60


def trial_table(study: Study, max_rows: int | None = None) -> Table:
    """Makes a table of the trials, best first; where ``max_rows`` hides some, a line below says how many."""
    names = list(dict.fromkeys(name for trial in study.trials for name in trial.parameters))
    title = Text(f"{study.name}: {study.goal.value.lower()} {study.metric}")
    table = Table(title=title, title_justify="left")
    for name in ("trial", study.metric, "step", *names, "duration"):
        table.add_column(Text(name), justify="right", overflow="fold")
    table.add_column("state", overflow="fold", max_width=_MAX_STATE_WIDTH)
    for trial in study.ranked[:max_rows]:
        table.add_row(*_cells(trial, names), style="bold" if trial is study.best else None)
    if hidden := len(study.trials) - table.row_count:
        table.caption = Text(f"and {hidden} more")
    return table


def summary_table(study: Study) -> Table:
    """Makes the table of ``jobs describe --summarize``: trial, objective, step."""
    table = Table("TRIAL", "OBJECTIVE_VALUE", "STEP", box=None)
    for trial in study.ranked:
        table.add_row(*_cells(trial, [])[:3])
    return table


def _cells(trial: Trial, names: list[str]) -> list[Text]:
    final = trial.final
    cells = [
        str(trial.id),
        f"{final.value:.6g}" if final else "-",
        str(final.step) if final else "-",
        *(_short(trial.parameters[name]) if name in trial.parameters else "-" for name in names),
        format_duration(trial.duration_s),
        format_state(trial),
    ]
    # Text, because a string would be searched for Rich's markup.
    return [Text(cell) for cell in cells]


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def best_line(study: Study) -> str:
    """Tells the best trial in words; empty while there is none."""
    best = study.best
    if best is None or best.final is None:
        return ""
    return f"best: trial {best.id}, {study.metric} {best.final.value:.6g} with {assignments(best)}"


def assignments(trial: Trial) -> str:
    """Writes a trial's parameters as words ``name=value``."""
    return " ".join(f"{name}={value}" for name, value in format_values(trial.parameters).items())


def format_state(trial: Trial) -> str:
    """Tells how a trial stands or ended, with its message."""
    state = "stopped early" if trial.stopped_early else trial.state.value
    return f"{state}: {trial.message}" if trial.message else state


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
