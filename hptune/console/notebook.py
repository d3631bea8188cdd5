"""Shows a job in a notebook: what a terminal would show, in the cell's output, until the job ends."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.text import Text

from hptune.console.view import Screen

_SCREEN = Screen(width=110)
_INTERVAL_S = 0.5
_PRE = '<pre style="line-height: 1.2; white-space: pre; overflow-x: auto">{code}</pre>'


def is_notebook() -> bool:
    """Returns whether this program is a notebook's kernel."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


@contextmanager
def shown_in_notebook(draw: Callable[[Screen], Sequence[Text]]) -> Iterator[Callable[[], None]]:
    """Shows lines in the cell's output; yields what draws them again, which does so twice a second at most.

    They stay as they were last: a notebook is read later.

    Args:
        draw: Makes the lines.
    """
    display: Any = import_module("IPython.display").display

    def bundle() -> dict[str, str]:
        lines = draw(_SCREEN)
        return {"text/plain": "\n".join(line.plain for line in lines), "text/html": _html(lines)}

    handle = display(bundle(), raw=True, display_id=True)
    drawn_s = time.monotonic()

    def draw_again() -> None:
        nonlocal drawn_s
        if time.monotonic() - drawn_s >= _INTERVAL_S:
            handle.update(bundle(), raw=True)
            drawn_s = time.monotonic()

    try:
        yield draw_again
    finally:
        handle.update(bundle(), raw=True)


def _html(lines: Sequence[Text]) -> str:
    console = Console(record=True, file=io.StringIO(), width=_SCREEN.width, force_jupyter=False)
    for line in lines:
        console.print(line)
    return console.export_html(inline_styles=True, code_format=_PRE)
