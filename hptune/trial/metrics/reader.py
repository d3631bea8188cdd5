"""Reads all that one trainer reports: its metric file, its summaries and what it prints."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from hptune.results.study import Goal
from hptune.trial.metrics.elsewhere import Elsewhere
from hptune.trial.metrics.hints import Hints
from hptune.trial.metrics.keras_names import renamed
from hptune.trial.metrics.metric_file import HypertuneSource
from hptune.trial.metrics.mirror import Mirror
from hptune.trial.metrics.objective import Objective
from hptune.trial.metrics.printed import StdoutSource
from hptune.trial.metrics.report import Curve, Report, is_objective
from hptune.trial.metrics.summaries import SummarySource
from hptune.trial.metrics.unmeasured import Unmeasured

# Progress bars draw themselves again after a carriage return or backspaces.
_LINE_END = re.compile(rb"[\n\r\b]")
_LONGEST_LINE_BYTES = 64 * 1024
_LONGEST_WORD_BYTES = 256
_LINE_ENDS = (b"\n", b"\r", b"\b")
# Of what is printed while no objective was found: looked through for what else it may be, all in all and of
# what comes at once, which is more only where a trainer prints faster than that.
_HINT_BYTES = 1024 * 1024
_HINT_BYTES_A_TIME = 2 * 1024


class MetricReader:
    """Follows the objective of a trainer that is about to start.

    Attributes:
        objective: What was found of it.
        hints: What else was seen while nothing had been found.
    """

    def __init__(
        self,
        metric: str,
        *,
        summaries: Path,
        metric_file: Path,
        other_metric_files: Sequence[Path] = (),
        elsewhere: Elsewhere | None = None,
        unmeasured: Unmeasured | None = None,
        curves: Sequence[Curve] = (),
        best_by: Goal | None = None,
        mirror: Mirror | None = None,
    ) -> None:
        """Looks at what is there already, which is not the trainer's.

        Args:
            metric: The objective's tag.
            summaries: The directory with the trainer's event files.
            metric_file: What cloudml-hypertune writes.
            other_metric_files: The same, of the trial's other tasks that are measured.
            elsewhere: Finds event files in other places.
            unmeasured: Tells the event files of tasks that are not measured.
            curves: Are told of the measurements that count.
            best_by: Has the best report judge the trial, by this goal; None for the last one.
            mirror: Copies event files from a bucket to ``summaries``; None where they are written there.
        """
        self._metric = metric
        self._stdout = StdoutSource(metric)
        self._summaries = SummarySource(summaries, elsewhere, unmeasured)
        self._metric_files = [HypertuneSource(path) for path in (metric_file, *other_metric_files)]
        self._line = bytearray()
        self._tag = metric.encode()
        self._tag_bytes = frozenset(self._tag)
        self._hint_bytes = _HINT_BYTES
        self.objective = Objective(curves, best_by=best_by)
        self._mirror = mirror
        if mirror:
            mirror.look()
        self.hints = Hints(
            metric, (mirror.address if mirror else summaries, *(elsewhere.roots if elsewhere else ()))
        )

    @property
    def note(self) -> str:
        """What a reader of the results should know of how the objective was found; empty for nothing."""
        return "; ".join(filter(None, (self.objective.note, *(each.note for each in self._metric_files))))

    def begin(self) -> None:
        """Begins to follow a trainer that was just started."""
        if self._mirror:
            self._mirror.start()

    def read_output(self, data: bytes) -> None:
        """Reads what was printed; a line counts when it has ended.

        Lines that cannot have the objective cost next to nothing, for a trainer must not wait for this.
        """
        self._hint_bytes = max(self._hint_bytes, _HINT_BYTES_A_TIME)
        # Not by a regular expression, which takes many times as long.
        ends = [each for each in _LINE_ENDS if each in data]
        if not ends:
            self._take(data)
            return
        first = min(data.find(each) for each in ends)
        # It completes what was there before.
        self._take(data[:first])
        self._read_line(len(self._line))
        end = max(data.rfind(each) for each in ends) + 1
        for line in self._worth_reading(data[first + 1 : end]):
            if len(line) < _LONGEST_LINE_BYTES:
                self._read_whole(line)
                continue
            self._take(line)
            self._read_line(len(self._line))
        self._take(data[end:])

    def _worth_reading(self, lines: bytes) -> Iterator[bytes]:
        """Yields those of whole lines that can have the objective, or serve as hints."""
        if self._is_hint:
            end = lines.find(b"\n", self._hint_bytes) + 1 or len(lines)
            yield from _LINE_END.split(lines[:end])
            lines = lines[end:]
        if self._may_have_objective(lines):
            yield from filter(self._may_have_objective, _LINE_END.split(lines))

    def _may_have_objective(self, printed: bytes) -> bool:
        return self._tag in printed or self._may_be_broken_up(printed)

    def _may_be_broken_up(self, printed: bytes) -> bool:
        # Orders to a terminal may stand within its name.
        return b"\x1b" in printed and all(byte in printed for byte in self._tag_bytes)

    @property
    def _is_hint(self) -> bool:
        return self.objective.measurement is None and self._hint_bytes > 0

    def read_files(self, groups: Collection[int] = (), *, at_once: bool = False) -> None:
        """Reads what was written to files since the last call.

        Args:
            groups: The trainer's process groups while it runs.
            at_once: Whether to look for files in other places even where that was done a moment ago.
        """
        self._record(self._summaries.read_new(groups, at_once=at_once))
        self.read_metric_files(if_changed=False)

    def read_metric_files(self, *, if_changed: bool = True) -> None:
        """Reads what was written to metric files alone; see `HypertuneSource.read_new`.

        That takes some microseconds and is to be done often: a trainer that makes a new HyperTune for each
        report has each report overwrite the one before it.
        """
        for metric_file in self._metric_files:
            self._record(metric_file.read_new(if_changed=if_changed))

    def finish(self) -> None:
        """Reads what a trainer that has ended left: a line without its end, its files."""
        self._read_line(len(self._line))
        if self._mirror:
            self._mirror.finish()
            self.hints.note(self._mirror.problem)
        self.read_files(at_once=True)
        self.objective.finish()

    def _take(self, piece: bytes) -> None:
        """Takes a part of a line; a line that grows too long is read in parts, cut between words."""
        at = 0
        while (room := _LONGEST_LINE_BYTES - len(self._line)) <= len(piece) - at:
            self._line += piece[at : at + room]
            at += room
            # Else half a number would be taken for a whole one.
            cut = self._line.rfind(b" ", _LONGEST_LINE_BYTES - _LONGEST_WORD_BYTES)
            self._read_line(cut if cut > 0 else _LONGEST_LINE_BYTES)
        self._line += piece[at:]

    def _read_line(self, length: int) -> None:
        """Reads the first bytes of the line that was taken, and forgets them."""
        line = bytes(self._line[:length])
        del self._line[:length]
        self._read_whole(line)

    def _read_whole(self, line: bytes) -> None:
        is_hint = self._tag in line or self._is_hint
        if not (is_hint or self._may_be_broken_up(line)):
            return
        self._hint_bytes -= len(line) + 1
        text = line.decode("utf-8", "replace")
        reports = self._stdout.read_line(text)
        self._record(reports)
        if is_hint and not reports and self.objective.measurement is None:
            self.hints.saw_line(text)

    def _record(self, reports: Iterable[Report]) -> None:
        for report in reports:
            if is_objective(self._metric, report.tag):
                self.objective.add(report)
            elif other := renamed(self._metric, report):
                self.objective.add(other)
            elif self.objective.measurement is None:
                self.hints.saw_tag(report.tag)
