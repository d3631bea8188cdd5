"""Text of the user's on its way into a trial's pod, in an environment variable.

Two programs rewrite the variable before the trial sees it:

1. Katib replaces ``${trialParameters.NAME}`` anywhere in the Job's JSON, and refuses names that it does not
   know.
2. The kubelet replaces ``$(VAR)`` and turns ``$$`` into ``$``.

`json_template` writes JSON that comes out of both as it went in, except in the places that Katib is to fill.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from hptune.errors import Fault

MAX_STRING_BYTES = 2**17 - 1
"""Linux takes no longer argument or environment variable of a process (MAX_ARG_STRLEN, less its end)."""


def json_template(content: Mapping[str, object], places: Mapping[str, str | Mapping[str, str]]) -> str:
    """Writes an object as JSON that holds no ``$`` outside its places, and nothing that is not ASCII.

    Args:
        content: The object.
        places: Fields that Katib is to fill, with its own marks as values: a text, or texts by name. What
            Katib puts there must need no escapes.
    """
    fixed = {key: value for key, value in content.items() if key not in places}
    members = [f"{_json(key)}:{_json(value)}" for key, value in fixed.items()]
    members += [f"{_json(key)}:{_filled(place)}" for key, place in places.items()]
    return f"{{{','.join(members)}}}"


def _filled(place: str | Mapping[str, str]) -> str:
    if isinstance(place, str):
        return f'"{place}"'
    return f"{{{','.join(f'{_json(name)}:{_filled(each)}' for name, each in place.items())}}}"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":")).replace("$", "\\u0024")


def find_faults(text: str, place: str) -> Iterator[Fault]:
    """Says why ``text`` cannot be an argument of a process in a pod, if it cannot."""
    if "\0" in text:
        yield Fault(place, f"{text!r} is not allowed (no argument can hold the character NUL)")
    try:
        text.encode()
    except UnicodeEncodeError:
        yield Fault(place, f"{text!r} is not allowed (must be UTF-8, for Kubernetes has no other text)")
