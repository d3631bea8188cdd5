"""What each task of a trial prints, in the log that they share: a line at a time, the task's name in front.

The names are those of the service's logs: ``worker-replica-0``. A trial of one task prints as it comes.
"""

from __future__ import annotations

import re

from hptune.results.study import MASTER_TASK

# Of what a task printed, for its traceback.
_KEPT_BYTES = 16 * 1024
_LONGEST_LINE_BYTES = 64 * 1024
_LABEL = re.compile(r"((?:master|worker|ps|evaluator)-replica-\d+)\t(.*)", re.DOTALL)


class TaskOutput:
    """Cuts what one task prints into lines.

    Attributes:
        last: The last that it printed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.last = b""
        self._line = b""

    def lines(self, data: bytes) -> list[bytes]:
        """Returns the lines, without their ends, that ``data`` completes."""
        self.keep_last(data)
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > _LONGEST_LINE_BYTES:
            return [*lines, *self.rest()]
        return lines

    def keep_last(self, data: bytes) -> None:
        """Takes what was printed where no lines are asked for."""
        self.last = (self.last + data[-_KEPT_BYTES:])[-_KEPT_BYTES:]

    def rest(self) -> list[bytes]:
        """Returns the line that has no end, where there is one: none is to come."""
        line, self._line = self._line, b""
        return [line] if line else []


def labelled(name: str, line: bytes) -> bytes:
    """Writes a task's line for the log of its trial."""
    return name.encode("ascii") + b"\t" + line + b"\n"


def split_label(line: str) -> tuple[str, str]:
    """Returns the name of the task that printed a line of a trial's log, and what it printed."""
    match = _LABEL.fullmatch(line)
    return (match[1], match[2]) if match else (MASTER_TASK, line)
