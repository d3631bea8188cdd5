"""Readers of single fields: what was written, a text, to what it means.

Each raises ValueError with a message that completes "FIELD: ...", naming the value and what is allowed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator

MAX_INT32 = 2**31 - 1
MAX_DURATION_S = 315_576_000_000
"""What a protocol buffer's Duration holds: about ten thousand years."""

_SHOWN_CHARACTERS = 60
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

Member = TypeVar("Member", bound=StrEnum)


def show(value: object) -> str:
    """Shows a value in a message: numbers bare, texts quoted and escaped, long ones cut, others by kind."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    text = str(value)
    if parse_number(text) is not None and len(text) <= _SHOWN_CHARACTERS:
        return text.strip()
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "...")


def parse_number(text: str) -> int | float | None:
    """Parses a number by YAML 1.1's rules (``010`` is eight) or Python's (``1e-4``); None if no double."""
    if re.fullmatch(r"[-+]?0[0-7_]+", text):
        return int(text.replace("_", ""), 8)
    for read in (lambda: int(text, 0), lambda: float(text)):
        try:
            number: int | float = read()
        except ValueError:
            continue
        return number if abs(number) <= sys.float_info.max else None
    return None


def _refuse(value: object, allowed: str) -> ValueError:
    return ValueError(f"is {show(value)}; must be {allowed}")


def read_text(value: object) -> str:
    """Reads a text as written; a number or flag in its place is its own spelling."""
    if not isinstance(value, str):
        raise _refuse(value, "text (in quotes)" if value is None else "text")
    return value


def read_number(value: object) -> int | float:
    """Reads a finite number that a double can hold."""
    number = parse_number(value) if isinstance(value, str) else None
    if number is None:
        raise _refuse(value, "a finite number")
    return number


def read_count(value: object) -> int:
    """Reads a whole number of things; ``10.0`` will do."""
    number = parse_number(value) if isinstance(value, str) else None
    if number is None or number != int(number) or not 0 <= number <= MAX_INT32:
        raise _refuse(value, f"a whole number from 0 to {MAX_INT32}")
    return int(number)


def read_flag(value: object) -> bool:
    """Reads true or false, in any of YAML 1.1's spellings."""
    flag = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
    if flag is None:
        raise _refuse(value, "true or false")
    return flag


def read_duration(value: object) -> str:
    """Reads a length of time in the form ``7200s`` or ``0.5s``; a bare number counts seconds."""
    match = (
        re.fullmatch(r"(\d+(?:\.\d{1,9})?)s?", value.strip(), re.ASCII) if isinstance(value, str) else None
    )
    if match is None or not 0 < float(match[1]) <= MAX_DURATION_S:
        raise _refuse(value, f"seconds above 0 and at most {MAX_DURATION_S}, such as 7200s")
    return f"{match[1]}s"


def read_list(value: object) -> object:
    """Reads a list; a single text stands for a list of one."""
    return [value] if isinstance(value, str) else value


def member_reader(
    members: type[Member], numbers: Mapping[int, Member] | None = None
) -> Callable[[object], Member]:
    """Makes a reader of ``members``: names in any case, or numbers, by default in order of definition."""
    by_name = {member.value: member for member in members}
    numbered = numbers if numbers is not None else dict(enumerate(members))
    by_number = {str(number): member for number, member in numbered.items()}
    allowed = " or ".join(member.value for member in members if member.name != "UNSPECIFIED")

    def read(value: object) -> Member:
        text = value.strip() if isinstance(value, str) else ""
        member = by_name.get(text.upper()) or by_number.get(text)
        if member is None:
            raise _refuse(value, allowed)
        return member

    return read


Text = Annotated[str, BeforeValidator(read_text)]
Number = Annotated[int | float, BeforeValidator(read_number)]
Count = Annotated[int, BeforeValidator(read_count)]
Flag = Annotated[bool, BeforeValidator(read_flag)]
Duration = Annotated[str, BeforeValidator(read_duration)]
Texts = Annotated[list[Text], BeforeValidator(read_list)]
Numbers = Annotated[list[Number], BeforeValidator(read_list)]
AnyMapping = dict[str, Any]
