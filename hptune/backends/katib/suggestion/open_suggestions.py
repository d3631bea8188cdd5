"""Suggestions that the service handed out and has not seen the end of.

Katib sends no trials that ended without metrics, and none that it has not created yet. A service that knows
only the trials it is sent would suggest the point of such a trial again, and again. So each reply carries
them as an algorithm setting: Katib keeps it in the Suggestion's status, in the same update as the new
suggestions, and sends it back with the next request. The service itself keeps nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from hptune.errors import Fault, InputError

Texts = Mapping[str, str]


@dataclass(frozen=True)
class OpenSuggestions:
    """An Experiment's suggestions so far.

    Attributes:
        last: Number of the last one; the first has 1.
        open: Those that were not seen finished, by number, parameter's name to text.
    """

    last: int = 0
    open: Mapping[int, Texts] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> OpenSuggestions:
        """Reads what ``str`` wrote; empty text stands for no suggestions.

        Raises:
            InputError: It is something else.
        """
        if not text:
            return cls()
        try:
            fields = json.loads(text)
            points = {int(number): point for number, point in fields["open"].items()}
            if not all(isinstance(text, str) for point in points.values() for text in point.values()):
                raise TypeError
            return cls(int(fields["last"]), dict(sorted(points.items())))
        except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
            fault = Fault("algorithmSettings.handed_out", "is set by the service alone")
            raise InputError(fault) from None

    def __str__(self) -> str:
        return json.dumps({"last": self.last, "open": dict(self.open)}, separators=(",", ":"))

    def without(self, finished: Sequence[Texts]) -> OpenSuggestions:
        """Returns these without one open suggestion for each finished trial of the same parameters."""
        left = dict(self.open)
        for texts in finished:
            number = next((number for number, point in left.items() if point == texts), None)
            if number is not None:
                del left[number]
        return replace(self, open=left)

    def unseen(self, trials: Sequence[Texts], count: int) -> dict[int, Texts]:
        """Returns open suggestions without a trial, the ``count`` oldest of them, by number.

        Args:
            trials: Parameters of the trials that Katib sent.
            count: How many trials Katib keeps to itself: others were deleted, which Katib does to the newest
                where parallelTrialCount is reduced.
        """
        return dict(islice(self.without(trials).open.items(), max(count, 0)))

    def with_next(self, texts: Texts) -> OpenSuggestions:
        """Returns these and one more."""
        return OpenSuggestions(self.last + 1, {**self.open, self.last + 1: texts})
