"""When a trial began and ended: its beginning by the wall clock, what it took by the monotonic one.

A wall clock is put right while trials run, by hours where a machine woke up or a person set it.
"""

from __future__ import annotations

import time


class Stopwatch:
    """Runs from now on.

    Attributes:
        start_s: When it was started, in seconds since the epoch.
    """

    def __init__(self) -> None:
        self.start_s = time.time()
        self._start_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start_s

    @property
    def now_s(self) -> float:
        """The time by the clock that was right at the start, in seconds since the epoch."""
        return self.start_s + self.elapsed_s
