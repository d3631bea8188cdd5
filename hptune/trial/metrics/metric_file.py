"""Reads the metric file, which cloudml-hypertune, or any program, writes while it trains.

cloudml-hypertune rewrites it with its last 100 entries at each report. Others append to it, or write it once,
perhaps indented or without a final newline. So it is read as a stream of JSON objects, whatever stands
between them.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from hptune.results.study import Measurement
from hptune.trial.metrics.report import Report, Source

USUAL_METRIC_FILE = Path("/tmp/hypertune/output.metrics")  # noqa: S108  (cloudml-hypertune's own)
"""Where cloudml-hypertune writes to in a process that was not given CLOUD_ML_HP_METRIC_FILE."""
_RESERVED = frozenset({"timestamp", "trial", "global_step", "checkpoint_path"})
# More than cloudml-hypertune keeps in the file.
_ENTRIES_KEPT = 256
_COMPARED_BYTES = 4096
# Read at a time; an entry is far shorter.
_CHUNK_BYTES = 2**20
# Of a file that is written faster than it can be read: how far behind is too far, and where to read on before
# its end.
_MOST_BEHIND_BYTES = 2**25
_READ_ON_BYTES = 2**22
_SEPARATORS = re.compile(r"[\s,\[\]]*+")
_JSON = json.JSONDecoder()


class _Entry(NamedTuple):
    text: str
    value: dict[str, Any]


class HypertuneSource:
    """Reads the entries of a metric file, each once, however the file is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # What tells that it was written to.
        self._stamp = (0, 0, 0)
        # Up to where the file was read, and what it had before that place: if it still has, it has grown.
        self._offset = 0
        self._before = b""
        # The last entries read: a file that was rewritten has some of them again.
        self._entries: deque[str] = deque(maxlen=_ENTRIES_KEPT)
        self._refused: list[str] = []
        self._skipped_bytes = 0

    @property
    def note(self) -> str:
        """What a reader of the results should know; empty for nothing."""
        if not self._skipped_bytes:
            return ""
        megabytes = max(1, self._skipped_bytes // 10**6)
        return f"the metric file grew faster than it could be read: {megabytes:,} MB of it were left out"

    def read_new(self, *, if_changed: bool = False) -> Iterator[Report]:
        """Yields the entries that were added since the last call.

        Args:
            if_changed: Whether to leave a file alone that does not look as if it was written to. One that was
                written twice within a tick of the clock may not.
        """
        try:
            now = self._path.stat()
        except OSError:
            return
        before, self._stamp = self._stamp, (now.st_ino, now.st_size, now.st_mtime_ns)
        if not stat.S_ISREG(now.st_mode) or (if_changed and before == self._stamp):
            return
        with self._path.open("rb") as file:
            entries = self._begin(file)
            while entries is not None:
                for entry in entries:
                    yield from _reports(entry.value)
                entries = self._go_on(file)

    def _begin(self, file: IO[bytes]) -> Sequence[_Entry] | None:
        """Reads the first new entries; None where the file is not to be read now."""
        if self._has_grown(file):
            return self._go_on(file)
        file.seek(0)
        data = file.read(_CHUNK_BYTES)
        entries, length = _split(data)
        known, texts = list(self._entries), [each.text for each in entries]
        if self._is_being_rewritten(texts, known):
            return None
        self._before = b""
        return self._passed(0, data[:length], entries[_overlap(known, texts) :])

    def _go_on(self, file: IO[bytes]) -> Sequence[_Entry] | None:
        """Reads the entries of the next chunk; None where there is no whole one."""
        size = os.fstat(file.fileno()).st_size
        if size - self._offset > _MOST_BEHIND_BYTES:
            self._skip(file, size - _READ_ON_BYTES)
        file.seek(self._offset)
        data = file.read(_CHUNK_BYTES)
        entries, length = _split(data)
        if not length and len(data) == _CHUNK_BYTES:
            # No entry of ours is so long.
            length = len(data)
        return self._passed(self._offset, data[:length], entries) if length else None

    def _skip(self, file: IO[bytes], to: int) -> None:
        """Goes to the line after a place."""
        file.seek(to - _COMPARED_BYTES)
        data = file.read(_COMPARED_BYTES) + file.readline(_CHUNK_BYTES)
        self._skipped_bytes += file.tell() - self._offset
        self._offset, self._before = file.tell(), data[-_COMPARED_BYTES:]

    def _passed(self, start: int, data: bytes, entries: Sequence[_Entry]) -> Sequence[_Entry]:
        self._offset = start + len(data)
        self._before = (self._before + data)[-_COMPARED_BYTES:]
        self._entries.extend(each.text for each in entries[-_ENTRIES_KEPT:])
        return entries

    def _has_grown(self, file: IO[bytes]) -> bool:
        file.seek(self._offset - len(self._before))
        return file.read(len(self._before)) == self._before

    def _is_being_rewritten(self, entries: list[str], known: list[str]) -> bool:
        """Returns whether a file has only old entries, as in the middle of being rewritten.

        One that stays so was rewritten with an old value, except where a time tells that the entry is old.
        """
        if _overlap(known, entries) or not _is_part(entries, known):
            return False
        stays, self._refused = self._refused == entries, entries
        return not stays or not entries or any("timestamp" in entry for entry in entries)


def _overlap(known: list[str], entries: list[str]) -> int:
    """Returns how many of the first ``entries`` are the last of the known ones."""
    longest = min(len(known), len(entries))
    return next((count for count in range(longest, 0, -1) if known[-count:] == entries[:count]), 0)


def _is_part(entries: list[str], known: list[str]) -> bool:
    count = len(entries)
    return any(known[i : i + count] == entries for i in range(len(known) - count + 1))


def _split(data: bytes) -> tuple[list[_Entry], int]:
    """Reads the JSON objects in a text that may end within one; returns how many bytes are done with, too."""
    text = data.decode("utf-8", "surrogateescape")
    entries = []
    start = end = 0
    while (start := _after_separators(text, start)) < len(text):
        try:
            value, end = _JSON.raw_decode(text, start)
            if isinstance(value, dict):
                entries.append(_Entry(text[start:end], value))
            start = end
        except (ValueError, RecursionError):
            # Either incomplete, or no JSON and then there is more behind it.
            line_end = text.find("\n{" if text[start] == "{" else "\n", start + 1)
            if line_end < 0:
                break
            start = end = line_end + 1
    return entries, len(text[:end].encode("utf-8", "surrogateescape"))


def _after_separators(text: str, start: int) -> int:
    match = _SEPARATORS.match(text, start)
    return match.end() if match else start


def _reports(entry: dict[str, Any]) -> Iterator[Report]:
    step = _as_step(entry.get("global_step"))
    for tag, text in entry.items():
        number = _as_number(text)
        if tag not in _RESERVED and number is not None:
            yield Report(tag, Measurement(number, step), Source.HYPERTUNE)


def _as_step(value: object) -> int:
    number = _as_number(value)
    return int(number) if number is not None and math.isfinite(number) else 0


def _as_number(value: object) -> float | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
