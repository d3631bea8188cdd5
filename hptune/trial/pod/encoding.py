"""Values of categorical parameters on their way through Katib.

Katib puts a suggested value as it is into the text of a Job's JSON, the kubelet looks for ``$(VAR)`` in it,
and a shell reads the command made of it. A value that any of them would change travels percent-encoded.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

_PLAIN = "_.:/+-"
# Nothing else is written with a lone percent sign. Katib's API leaves out the field of an empty value.
_EMPTY = "%"


def encode_value(text: str) -> str:
    """Encodes ``text`` in letters, digits and ``_.:/+-%``, never empty; itself where it needs no ``%``."""
    # urllib takes the tilde for plain, and a shell for somebody's home.
    return quote(text, safe=_PLAIN, errors="surrogatepass").replace("~", "%7E") or _EMPTY


def decode_value(text: str) -> str:
    """Decodes what ``encode_value`` encoded.

    Raises:
        ValueError: It encoded none.
    """
    return "" if text == _EMPTY else unquote(text, errors="surrogatepass")
