"""Text of the user's on its way into a trial's pod.

Three programs rewrite a trial's command before it runs:

1. Katib replaces ``${trialParameters.NAME}`` anywhere in the Job's JSON, and refuses names that it does not
   know.
2. Katib's webhook joins the command with spaces, adds words of its own and has ``sh -c`` run it.
3. The kubelet replaces ``$(VAR)`` and turns ``$$`` into ``$``; in environment variables too.

`shell_word` and `json_text` write text so that it comes out of all three as it went in.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence

from hptune.errors import Fault

MAX_STRING_BYTES = 2**17 - 1
"""Linux takes no longer argument or environment variable of a process (MAX_ARG_STRLEN, less its end)."""


def shell_word(text: str) -> str:
    """``text`` as one word of a trial's command.

    Whatever holds a ``$`` is quoted. It is doubled for the kubelet, and the quotes are closed and opened
    again behind it, so that no ``${`` is left for Katib to see.
    """
    return shlex.quote(text).replace("$", "$$''")


def json_text(value: Mapping[str, object] | Sequence[object]) -> str:
    """``value`` as JSON that holds no ``$``, and nothing that is not ASCII."""
    return json.dumps(value, separators=(",", ":")).replace("$", "\\u0024")


def find_faults(text: str, place: str) -> Iterator[Fault]:
    """Why ``text`` cannot be an argument of a process in a pod, if it cannot."""
    if "\0" in text:
        yield Fault(place, f"{text!r} is not allowed (no argument can hold the character NUL)")
    try:
        text.encode()
    except UnicodeEncodeError:
        yield Fault(place, f"{text!r} is not allowed (must be UTF-8, for Kubernetes has no other text)")
