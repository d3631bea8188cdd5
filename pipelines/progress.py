"""Steps' lines as they come, and on a terminal a bar below them that says how many trials have ended."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from hptune.console.program import console

# As hptune/display.py words the lines of a job whose output is piped.
_TRIAL = re.compile(r"trial (?P<id>\d+)/(?P<total>\d+) (?P<begins>runs: )?")
_COLUMNS = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


@contextmanager
def lines_and_bar(stream: TextIO) -> Iterator[Callable[[str], None]]:
    """Yields what shows a line on ``stream``, until the block ends."""
    out = console(stream)
    if not out.is_terminal or out.is_dumb_terminal:
        yield lambda line: print_line(stream, line)
        return
    # kfp has its own idea of what standard output is meanwhile.
    with Progress(*_COLUMNS, console=out, redirect_stdout=False, redirect_stderr=False) as bar:
        trials = _Trials(bar)

        def show(line: str) -> None:
            out.print(Text(line), soft_wrap=True)
            trials.note(line)

        yield show


def print_line(stream: TextIO, line: str) -> None:
    """Writes a line at once, and not with print, which kfp replaces by one that indents."""
    stream.write(line + "\n")
    stream.flush()


class _Trials:
    """Counts the trials that have ended, those of an earlier run of the same job among them."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("trials", visible=False)
        self._before = -1
        self._ended = 0

    def note(self, line: str) -> None:
        match = _TRIAL.match(line.strip())
        if match is None:
            return
        if self._before < 0:
            self._before = int(match["id"]) - 1
        self._ended += match["begins"] is None
        completed = self._before + self._ended
        total = int(match["total"])
        self._bar.update(self._task, completed=completed, total=total, visible=True, refresh=True)
