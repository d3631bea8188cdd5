"""What a watch of a cluster's objects says, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from urllib3.exceptions import HTTPError

Object = dict[str, Any]
"""An object of the cluster, as its JSON has it."""


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields lines as they come, until there are no more, whatever ends them; half a line is not one."""
    rest = b""
    try:
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            yield from filter(None, lines)
    except HTTPError:
        # Whoever watches connects again, from the last whole line on.
        return


def by_name(items: Iterable[Object]) -> dict[str, Object]:
    """Returns objects by their names."""
    return {item["metadata"]["name"]: item for item in items}


def apply(known: dict[str, Object], event: Object) -> bool:
    """Takes an event over into the known objects; returns whether it says anything of them."""
    item = event["object"]
    if event["type"] == "DELETED":
        known.pop(item["metadata"]["name"], None)
    elif event["type"] in ("ADDED", "MODIFIED"):
        known |= by_name([item])
    else:
        return False
    return True
