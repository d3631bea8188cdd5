"""Keeps Ctrl-C from falling between two steps that belong together."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_HELD_BACK = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds SIGINT and SIGTERM back until the block, or the function that it decorates, has ended."""
    if threading.current_thread() is not threading.main_thread():
        # Python runs signal handlers in the main thread only.
        yield
        return
    caught: list[int] = []
    # Not the signal mask: another thread, NumPy's for one, would take the signal and Python run the handler.
    before = {each: signal.signal(each, lambda number, _: caught.append(number)) for each in _HELD_BACK}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in caught[:1]:
            signal.raise_signal(number)
