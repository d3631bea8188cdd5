"""A part of the terminal that is drawn again and again, below what is printed meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from hptune.console.view import Screen
from hptune.errors import JobFailed

_REFRESH_PER_S = 4.0


def can_show_live(stream: Console) -> bool:
    """Returns whether what is shown on a stream can be changed afterwards."""
    return stream.is_terminal and not stream.is_dumb_terminal


def screen_of(terminal: Console) -> Screen:
    """Returns what a terminal has room for now; the cursor keeps a line of it."""
    width, height = terminal.size
    return Screen(width, max(1, height - 1), ascii_only=terminal.options.ascii_only)


@contextmanager
def live(terminal: Console, draw: Callable[[Screen], Sequence[Text]]) -> Iterator[None]:
    """Shows lines on a terminal until the block ends; they are gone then, unless the job failed.

    What is printed to standard output or error meanwhile stands above them, where that is the terminal.

    Args:
        terminal: The terminal.
        draw: Makes the lines for what the terminal has room for; called four times a second.
    """
    shown = Live(
        get_renderable=_Drawing(terminal, draw),
        console=terminal,
        refresh_per_second=_REFRESH_PER_S,
        # The results are printed then.
        transient=True,
        vertical_overflow="crop",
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    )
    with shown:
        try:
            yield
        except JobFailed:
            # No results are printed, and what was finished is still worth a look.
            shown.transient = False
            raise


class _Drawing:
    """Draws the lines, and sees to it that a terminal that has become narrower keeps nothing of the last."""

    def __init__(self, terminal: Console, draw: Callable[[Screen], Sequence[Text]]) -> None:
        self._terminal = terminal
        self._draw = draw
        self._last: Sequence[Text] = ()

    def __call__(self) -> Group:
        screen = screen_of(self._terminal)
        self._take_back_folded(screen.width)
        self._last = self._draw(screen)
        return Group(*self._last)

    def _take_back_folded(self, width: int) -> None:
        """Erases the lines more that a terminal makes of the last drawing when it folds them."""
        more = sum(max(0, line.cell_len - 1) // width for line in self._last)
        if more:
            erase = (ControlType.ERASE_IN_LINE, 2)
            up: tuple[tuple[ControlType, int], ...] = ((ControlType.CURSOR_UP, 1), erase)
            self._terminal.control(Control(ControlType.CARRIAGE_RETURN, erase, *(up * more)))
