"""Reads measurements from what a trainer prints.

``name=value`` is a report. So is ``name: value``, of a lesser kind, for progress bars print the like in
passing. Values may be quoted, wrapped by NumPy, PyTorch or TensorFlow, or stand in a list.
"""

from __future__ import annotations

import re

from hptune.job.tuning_job import DEFAULT_METRIC_TAG
from hptune.results.study import Measurement
from hptune.trial.metrics.report import Report, Source

# Quantifiers are possessive: a trainer may print a megabyte of digits, and going back over it takes hours.
_DIGITS = r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_THOUSANDS = r"[1-9][0-9]{0,2}(?:,[0-9]{3})++(?![0-9]|,[0-9])(?:\.[0-9]++)?"
_DECIMAL_COMMA = r"[0-9]++,[0-9]++(?:[eE][+-]?[0-9]++)?(?![.,]?[0-9])"
_NUMBER = rf"[+-]?(?>{_THOUSANDS}|{_DECIMAL_COMMA}|{_DIGITS}|(?ai:nan|inf(?:inity)?))"
# A number may end a sentence, but not go on: v=1.2.3 is none.
_END = r"(?!\w|\.\w)"
# np.float64(0.9), tensor(0.9, device='cuda:0'), <tf.Tensor: shape=(), dtype=float32, numpy=0.9>
_WRAPPED = (
    rf"(?:[A-Za-z_][\w.]{{0,40}}+\(\s*+({_NUMBER})\s*+[,)]|<tf\.Tensor:[^<>]{{0,200}}?numpy=({_NUMBER})>)"
)
_VALUE = rf"(?:[\"']?({_NUMBER}){_END}|{_WRAPPED}|\[([^\[\]]*+)\])"
_SIGN = r"[\"']?\s*+([=:])\s*+"
_BEFORE = r"(?<![\w./|-])"
_IN_WORD = re.compile(r"[\w./|-]")
_ANY_TAG = re.compile(rf"{_BEFORE}[\"']?([^\W\d][\w./|-]*+){_SIGN}{_VALUE}")
_LIST_ITEM = re.compile(rf"(?:({_NUMBER})|{_WRAPPED}\)?)")
_GROUPED = re.compile(_THOUSANDS)
# What a progress bar ends with, until it is drawn again: loss: 0.7034, 59ms/step, 8.1it/s, 91%, 10/10.
_UNFINISHED = re.compile(
    rf"(?:^|[\s:=,/])[+-]?{_DIGITS}(?:%|[mnu\u00b5]?s)?(?:(?:it)?/(?:s|step|epoch|batch|it))?\|?$"
)
_LONGEST_UNFINISHED = 64
# Looked up once: a member of an enumeration takes as long as a search.
_STDOUT, _IN_PASSING = Source.STDOUT, Source.PRINTED_IN_PASSING
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)?|[@-Z\\-_])")
# The nearest to what ML Engine called a step first, each behind a part of it that is looked for in less time.
_STEPS = {
    part: re.compile(
        rf"(?<![\w/.-]){name}[\"']?\s*+(?:[=:]\s*+)?((?>[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})++|[0-9]{{1,18}}+)){_END}"
    )
    for part, name in (("global", "global[_ ]step"), ("tep", "[Ss]tep"), ("poch", "[Ee]poch"))
}
# [TIME: ]I[DATE ]tensorflow/core/util/port.cc:153], and I0000 00:00:... before it has begun its log.
_OWN_LOG_OF_TENSORFLOW = re.compile(
    r"(?:[0-9-]{10} [0-9:.]{8,20}: )?"
    r"[IWEF](?:0000 00:00:|[0-9: .]{0,40}(?:\./)?(?:tensorflow|xla|tsl|external)/)"
)


def plain_text(line: str) -> str:
    """Returns a printed line without colours and other orders to a terminal."""
    return _ESCAPE.sub("", line) if "\x1b" in line else line


class StdoutSource:
    """Reads the objective from printed lines; its step from ``global_step=``, ``step=`` or ``epoch=``."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        scope = r"(?:[\w./-]+/)?" if metric == DEFAULT_METRIC_TAG else ""
        # A tag may hold spaces and slashes, so the objective's own is looked for as it is.
        self._objective = re.compile(rf"[\"']?{scope}{re.escape(metric)}{_SIGN}{_VALUE}")

    def read_line(self, line: str) -> list[Report]:
        """Returns the reports of the objective in one line; a list is one of values a step."""
        line = plain_text(line)
        if self._metric not in line or _OWN_LOG_OF_TENSORFLOW.match(line):
            return []
        step = _step_in(line)
        reports: list[Report] = []
        for match in self._objective.finditer(line):
            if _begins_word(line, match.start()):
                source = _STDOUT if match[1] == "=" else _IN_PASSING
                values = _values(match)
                several = len(values) > 1
                for index, value in enumerate(values):
                    at = index if step is None and several else step or 0
                    reports.append(Report(self._metric, Measurement(value, at), source))
        return reports


def tags_in(line: str) -> list[str]:
    """Returns the names of all that a printed line gives a value of, for a message to name."""
    line = plain_text(line)
    return [] if _OWN_LOG_OF_TENSORFLOW.match(line) else [match[1] for match in _ANY_TAG.finditer(line)]


def _begins_word(line: str, start: int) -> bool:
    """Returns whether a name begins here: not within another, but perhaps behind an open progress bar."""
    if start == 0 or not _IN_WORD.match(line, start - 1):
        return True
    return not line[start].isdigit() and bool(
        _UNFINISHED.search(line[max(0, start - _LONGEST_UNFINISHED) : start])
    )


def _values(match: re.Match[str]) -> list[float]:
    _, plain, wrapped, tensor, items = match.groups()
    if items is None:
        return [_float(plain or wrapped or tensor)]
    found = [_LIST_ITEM.fullmatch(item) for item in re.split(r"\s*+[,\s]\s*+", items.strip())]
    numbers = [next(filter(None, item.groups())) for item in found if item]
    return [_float(number) for number in numbers] if len(numbers) == len(found) else []


def _float(text: str) -> float:
    if "," not in text:
        return float(text)
    return float(text.replace(",", "" if _GROUPED.match(text.lstrip("+-")) else "."))


def _step_in(line: str) -> int | None:
    for part, pattern in _STEPS.items():
        if part in line and (match := pattern.search(line)):
            return int(match[1].replace(",", ""))
    return None
