"""Gathers what a trainer reported beside the objective, for the message where that is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from hptune.trial.metrics.printed import plain_text, tags_in

# As many as a message can name, and as many as are looked through for the nearest.
_MAX_NAMED = 20
# Characters of a name.
_MAX_TAG = 200
_MAX_TAGS = 1000
_MAX_LINE = 120
_MAX_PLACES = 5
# An environment variable, as TensorFlow's messages name them.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")


class Hints:
    """What was seen that is not the objective.

    Args:
        metric: The objective's tag.
        places: Directories and addresses where event files were looked for.
    """

    def __init__(self, metric: str, places: Sequence[Path | str] = ()) -> None:
        self._metric = metric
        self._places = places
        self._tags: dict[str, None] = {}
        self._line = ""
        self._note = ""
        # The name in any case, and a number somewhere behind it.
        name = r"[\s_-]*".join(map(re.escape, re.split(r"[\s_-]+", metric)))
        self._like_objective = re.compile(rf"(?<![\w./|-])(?i:{name})(?!\w)[^0-9]{{0,40}}[0-9]")

    def saw_tag(self, tag: str) -> None:
        """Takes the name of something else that was reported; of a very long one, its start."""
        tag = tag[:_MAX_TAG]
        if tag in self._tags or len(self._tags) < _MAX_TAGS:
            self._tags[tag] = None

    def saw_line(self, line: str) -> None:
        """Takes a printed line that has no report of the objective."""
        line = plain_text(line)
        for tag in tags_in(line):
            if not _VARIABLE.fullmatch(tag):
                self.saw_tag(tag)
        if match := self._like_objective.search(line):
            self._line = line[max(0, match.start() - _MAX_LINE // 2) :].strip()[:_MAX_LINE]

    def note(self, problem: str) -> None:
        """Takes what kept reports from being read; empty for nothing."""
        self._note = problem

    def message(self, field: str) -> str:
        """Says what is wrong with a trial without a report of the objective, and what to do.

        Args:
            field: The job file's field of the objective's name.
        """
        text = f"reported no '{self._metric}' (the {field}); it reported {self._named()}"
        text = f"{text}; {self._note}" if self._note else text
        if not self._line:
            return f"{text}; make one of them the {field}" if self._tags else text
        return f"{text}; it printed {self._line!r}, which is not read: print '{self._metric}=VALUE'"

    def _looked(self) -> str:
        if not self._places:
            return ""
        below = ", ".join(map(str, self._places[:_MAX_PLACES]))
        return f" (event files were looked for below {below}; an argument of the trainer's names others)"

    def _named(self) -> str:
        tags = sorted(self._tags, key=lambda tag: (-_likeness(tag, self._metric), tag))
        if not tags:
            return f"no metric at all{self._looked()}"
        more = f" and {len(tags) - _MAX_NAMED} more" if len(tags) > _MAX_NAMED else ""
        if len(tags) == _MAX_TAGS:
            more = f" and {_MAX_TAGS - _MAX_NAMED} more, or even more than these"
        return ", ".join(tags[:_MAX_NAMED]) + more


def _likeness(tag: str, metric: str) -> float:
    tag, metric = tag.lower(), metric.lower()
    return SequenceMatcher(None, tag, metric).ratio() + (tag in metric or metric in tag)
