"""Lines of JSON with their number and a checksum, so that no changed, lost or swapped one goes unnoticed.

A sealed line ends with ``,"line":12,"crc32":"0123abcd"}``. The checksum is of all before its own key. A file
may begin with lines without a seal, from before there were seals: their numbers are their places.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SEAL = re.compile(rb',"line":([0-9]{1,12}),"crc32":"([0-9a-f]{8})"}\n')
_SEAL_BYTES = 64
_SEALS_KEYS = (b',"line":', b',"crc32":')


class DamagedLineError(ValueError):
    """A line is not what was written.

    Attributes:
        number: Its number; the first has 0.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"line {number + 1} is not as it was written")
        self.number = number


def seal(line: str, number: int) -> bytes:
    """Seals a JSON object.

    Args:
        line: The object, on one line without its end.
        number: The line's place in the file.
    """
    head = f'{line.removesuffix("}")},"line":{number}'.encode()
    return head + b',"crc32":"%08x"}\n' % zlib.crc32(head)


def _sealed_number(line: bytes) -> int | None:
    """Returns the number that a sealed line carries; None for a line without a seal, or a broken one."""
    match = _SEAL.search(line, max(0, len(line) - _SEAL_BYTES))
    if match is None or match.end() != len(line):
        return None
    head = line[: line.rindex(b',"crc32"')]
    return int(match[1]) if zlib.crc32(head) == int(match[2], 16) else None


@dataclass(frozen=True)
class Lines:
    """The lines of a file that are as they were written, by number.

    Attributes:
        sealed: Those that their seals vouch for.
        plain: Those without a seal, from before the first sealed one.
    """

    sealed: Mapping[int, bytes]
    plain: Mapping[int, bytes]


def whole_lines(path: Path) -> Lines:
    """Reads the lines that are as they were written; none where there is no file.

    What follows the last end of a line is not there yet.
    """
    sealed: dict[int, bytes] = {}
    plain: dict[int, bytes] = {}
    with suppress(FileNotFoundError), path.open("rb") as file:
        for place, line in enumerate(file):
            number = _sealed_number(line)
            if number is not None:
                sealed[number] = line
            elif not sealed and line.endswith(b"\n") and not any(key in line for key in _SEALS_KEYS):
                plain[place] = line
    return Lines(sealed, plain)


def joined(*files: Lines) -> bytes:
    """Joins the lines of a file and its copies, by number; the file's own come first.

    Raises:
        DamagedLineError: A line is in none of them.
    """
    lines: dict[int, bytes] = {}
    for kind in ("plain", "sealed"):
        for file in reversed(files):
            lines |= getattr(file, kind)
    for number in range(max(lines, default=-1) + 1):
        if number not in lines:
            raise DamagedLineError(number)
    return b"".join(lines[number] for number in range(len(lines)))
