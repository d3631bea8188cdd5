"""Text from elsewhere - names, messages, what trainers print - as a terminal may be shown it."""

from __future__ import annotations

import re

# What a terminal acts upon, or a line cannot hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_COLOURS_END = "\x1b[0m"


def printable(text: str) -> str:
    """Replaces what a terminal would act upon: control characters are written as Python writes them."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def printable_in_colour(text: str) -> str:
    """Replaces what `printable` does but tabs and colours, which end with the text."""
    parts = _COLOUR.split(text)
    parts[::2] = ["\t".join(map(printable, part.split("\t"))) for part in parts[::2]]
    return "".join([*parts, _COLOURS_END] if len(parts) > 1 else parts)
