"""A study's trials as a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from hptune.results.printable import printable
from hptune.results.study import Study
from hptune.results.tables import cells_of, format_state
from hptune.results.trial_rows import TrialRows

# A long message must not take the columns' place, and is not folded to a tower of words.
_STATE_WIDTHS = (24, 60)


@dataclass(frozen=True)
class TrialTable:
    """A table of the trials, best first, as wide as it may be.

    Where parameters do not fit they are left out, and named below; so are the messages of trials.

    Attributes:
        study: The trials.
    """

    study: Study

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders the table for a console of some width."""
        table = _whole_table(self.study)
        # Messages may be folded, and nothing else.
        if console.measure(table, options=options.update_width(10_000)).minimum <= options.max_width:
            yield table
        else:
            yield from _narrow_table(self.study, options)


def _whole_table(study: Study) -> Table:
    names = list(dict.fromkeys(name for trial in study.trials for name in trial.parameters))
    table = Table(title=_title(study), title_justify="left")
    for name in ("trial", study.metric, "step", *names, "duration"):
        table.add_column(Text(printable(name)), justify="right", no_wrap=True)
    least, most = _STATE_WIDTHS
    longest = max((len(format_state(trial)) for trial in study.trials), default=0)
    table.add_column("state", overflow="fold", min_width=min(least, longest), max_width=most)
    for trial in study.ranked:
        table.add_row(*cells_of(trial, names), style="bold" if trial is study.best else None)
    return table


def _narrow_table(study: Study, options: ConsoleOptions) -> Iterator[Text]:
    ranked = study.ranked
    rows = TrialRows(study, ranked, options.max_width, datetime.now(UTC), ascii_only=options.ascii_only)
    yield _title(study)
    yield rows.header
    yield from (rows.row(index) for index in range(len(ranked)))
    for trial in study.trials:
        if trial.message:
            yield Text(f"trial {trial.id} {format_state(trial)}")
    if rows.hidden:
        names = ", ".join(map(printable, rows.hidden))
        yield Text(f"not shown: {names}; '| less -S' or a wider terminal has them", style="dim")


def _title(study: Study) -> Text:
    return Text(printable(f"{study.name}: {study.goal.value.lower()} {study.metric}"), style="italic")
