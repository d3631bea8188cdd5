"""What a form writes it reads, in former formats as well; everything else is refused with its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ConfigDict

from hptune.storage.json_form import JSON_FORM, JsonForm


@dataclass(frozen=True)
class Place:
    its_path: Path


@dataclass(frozen=True)
class Thing:
    __pydantic_config__: ClassVar[ConfigDict] = JSON_FORM

    its_name: str
    places: tuple[Place, ...] = ()


def of_format_1(content: dict[str, Any]) -> dict[str, Any]:
    return {"name": content["title"]}


def of_format_2(content: dict[str, Any]) -> dict[str, Any]:
    return {"itsName": content["name"]}


FORM = JsonForm(Thing, 3, {1: of_format_1, 2: of_format_2})
THING = Thing("a\udcff'$ü", (Place(Path("/x y")),))


def test_what_is_written_is_read() -> None:
    text = FORM.text(THING)
    assert text == '{"format":3,"itsName":"a\\udcff\'$\\u00fc","places":[{"itsPath":"/x y"}]}'
    assert FORM.parse(text) == THING


@pytest.mark.parametrize("text", ['{"format": 1, "title": "a"}', '{"format": 2, "name": "a"}'])
def test_former_formats_are_read(text: str) -> None:
    assert FORM.parse(text) == Thing("a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Expecting value"),
        ("[]", "TypeError"),
        ("null", "AttributeError"),
        ("{}", "KeyError: 'format'"),
        ('{"format": 4, "itsName": "a"}', "format 4; must be at most 3"),
        ('{"format": [], "itsName": "a"}', "TypeError"),
        ('{"format": 1}', "KeyError: 'title'"),
        ('{"format": 3, "itsName": 1, "other": 2}', "itsName: .*string; other: Unexpected"),
        ('{"format": 3, "itsName": "a", "places": [{}]}', r"places\.0\.itsPath: "),
        ('{"format": 3, "itsName": ' + "[" * 100_000, "RecursionError"),
        (b"\xff", "invalid start byte"),
    ],
)
def test_anything_else_is_refused_with_its_place(text: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FORM.parse(text)
