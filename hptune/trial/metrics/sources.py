"""The three places a trainer's objective is read from, while it runs.

In order of how deliberate a report is: a cloudml-hypertune file, TensorBoard summaries of an evaluation,
other TensorBoard summaries, ``tag=value`` on standard output. A trial is judged by the last report of the
most deliberate source that reported at all, so a progress line never outweighs an evaluation.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from hptune.results.study import Measurement
from hptune.trial.metrics.event_file import EventFile

# Quantifiers are possessive: a trainer may print a megabyte of digits, and going back over it takes hours.
_DIGITS = r"(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?"
_NUMBER = rf"[+-]?(?:{_DIGITS}|(?ai:nan|inf(?:inity)?))"
# A number may end a sentence, but not go on: v=1.2.3 is none.
_END = r"(?!\w|\.\w)"
_ANY_TAG = re.compile(rf"(?<![\w./|-])([A-Za-z_][\w./|-]*+)\s*+=\s*+({_NUMBER}){_END}")
# The nearest to what ML Engine called a step first.
_STEPS = tuple(
    re.compile(rf"(?<![\w/.-]){name}\s*+=\s*+(\d{{1,18}}){_END}") for name in ("global_step", "step", "epoch")
)
# An Estimator wrote its evaluations to eval/, Keras to validation/.
_EVALUATION = re.compile(r"eval|val|test", re.IGNORECASE)


class Source(IntEnum):
    """Where a measurement came from; the higher, the more deliberate."""

    STDOUT = 0
    SUMMARY = 1
    EVALUATION_SUMMARY = 2
    HYPERTUNE = 3


@dataclass(frozen=True)
class Report:
    """One value of one tag, as a source showed it."""

    tag: str
    measurement: Measurement
    source: Source


class FinalReport:
    """Keeps the report that judges a trial: the last one of the most deliberate source."""

    def __init__(self) -> None:
        self._report: Report | None = None

    @property
    def measurement(self) -> Measurement | None:
        """The objective so far; None where nothing reported it."""
        return self._report.measurement if self._report else None

    def add(self, report: Report) -> bool:
        """Takes a report of the objective; returns whether it is now the one that counts."""
        if self._report is not None and report.source < self._report.source:
            return False
        self._report = report
        return True


class StdoutSource:
    """Reads ``tag=value`` from printed lines; its step from ``global_step=``, ``step=`` or ``epoch=``."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        # A tag may hold spaces and slashes, so the objective's own is looked for as it is.
        self._objective = re.compile(rf"(?<![\w./|-]){re.escape(metric)}\s*+=\s*+({_NUMBER}){_END}")

    def read_line(self, line: str) -> Iterator[Report]:
        """Yields the reports in one line: of the objective, and of other tags for a message to name."""
        step = _step_in(line)
        for value in self._objective.findall(line):
            yield Report(self._metric, Measurement(float(value), step), Source.STDOUT)
        for tag, value in _ANY_TAG.findall(line):
            if tag != self._metric:
                yield Report(tag, Measurement(float(value), step), Source.STDOUT)


def _step_in(line: str) -> int:
    matches = (pattern.search(line) for pattern in _STEPS)
    return next((int(match[1]) for match in matches if match), 0)


class SummarySource:
    """Reads the TensorBoard event files below a directory that were not there when the trial began."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[Path, EventFile] = {}
        # What an interrupted attempt left is not this attempt's measurement.
        self._earlier = frozenset(self._paths())

    def read_new(self) -> Iterator[Report]:
        """Yields what was written since the last call."""
        for path in sorted(self._paths() - self._earlier):
            file = self._files.setdefault(path, EventFile(path))
            parts = path.relative_to(self._directory).parent.parts
            evaluation = any(_EVALUATION.match(part) for part in parts)
            source = Source.EVALUATION_SUMMARY if evaluation else Source.SUMMARY
            for scalar in file.read_new():
                yield Report(scalar.tag, Measurement(scalar.value, scalar.step), source)

    def _paths(self) -> set[Path]:
        # Not rglob, which fails where a trainer moves a directory of checkpoints away meanwhile.
        return {
            Path(folder, name)
            for folder, _, names in os.walk(self._directory)
            for name in names
            if "tfevents" in name
        }


class HypertuneSource:
    """Reads the file of cloudml-hypertune, which rewrites it with its last 100 entries at each report."""

    _RESERVED = frozenset({"timestamp", "trial", "global_step", "checkpoint_path"})

    def __init__(self, path: Path) -> None:
        self._path = path
        # All of them: in the middle of being rewritten the file holds only old ones.
        self._seen: set[str] = set()

    def read_new(self) -> Iterator[Report]:
        """Yields the entries that were added since the last call; each has its own timestamp."""
        if not self._path.is_file():
            return
        # The last line counts only with its end.
        for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
            if line not in self._seen:
                self._seen.add(line)
                yield from self._reports(line)

    def _reports(self, line: str) -> Iterator[Report]:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if not isinstance(entry, dict):
            return
        step = _as_step(entry.get("global_step"))
        for tag, text in entry.items():
            number = _as_number(text)
            if tag not in self._RESERVED and number is not None:
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
