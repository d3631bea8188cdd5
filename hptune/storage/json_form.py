"""The one JSON form of each thing that is written to be read again: camelCase names and a format number."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from hptune.errors import InputError

T = TypeVar("T")
Migration = Callable[[dict[str, Any]], dict[str, Any]]

JSON_FORM = ConfigDict(alias_generator=to_camel, extra="forbid")
"""For a dataclass with a `JsonForm`; those inside it follow."""


class JsonForm(Generic[T]):
    """Writes and reads one dataclass.

    Args:
        kind: The dataclass, with `JSON_FORM` as its ``__pydantic_config__``.
        number: Number of the format that is written.
        former: By the number of a former format, what makes the next one's content of its content.
    """

    def __init__(self, kind: type[T], number: int = 1, former: Mapping[int, Migration] | None = None) -> None:
        self._adapter = TypeAdapter(kind)
        self._number = number
        self._former = former or {}

    def content(self, value: T) -> dict[str, Any]:
        """Returns the plain data that `text` writes as JSON."""
        return {"format": self._number, **self._adapter.dump_python(value, mode="json", by_alias=True)}

    def text(self, value: T) -> str:
        """Writes ``value`` as JSON on one line, ASCII alone."""
        return json.dumps(self.content(value), separators=(",", ":"))

    def parse(self, text: str | bytes) -> T:
        """Reads what `text` or `content` made, in this format or a former one.

        Raises:
            ValueError: It is something else, or damaged; the message names the field.
        """
        try:
            return self._adapter.validate_python(self._migrated(json.loads(text)))
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise ValueError("; ".join(faults)) from error
        except (KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def _migrated(self, content: dict[str, Any]) -> dict[str, Any]:
        number = content.pop("format")
        while (migrate := self._former.get(number)) is not None:
            content, number = migrate(content), number + 1
        if number != self._number:
            raise ValueError(f"format {number!r}; must be at most {self._number}")
        return content
