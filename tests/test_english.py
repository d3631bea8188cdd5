"""Docstrings that read alone: what a function does, a verb first."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "components", "examples", "hptune", "pipelines")
THIRD_PERSON = re.compile(r"[A-Z][a-z]+s\b")
# Words that end as verbs do.
NOUNS = {
    "Parameters",
    "Trials",
    "Values",
    "Lines",
    "Options",
    "Paths",
    "Measurements",
    "Bytes",
    "This",
    "Its",
}


def sources():
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in paths if "_pb2" not in path.name]


def is_property(function):
    return any("property" in ast.unparse(each) for each in function.decorator_list)


def functions(path):
    """Functions with a docstring; properties are things, and may be called so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) and not is_property(node):
            yield node


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_says_what_it_does_verb_first(path):
    for function in functions(path):
        word = ast.get_docstring(function).split()[0].rstrip(",.:;")
        place = f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        is_verb = THIRD_PERSON.fullmatch(word) and word not in NOUNS
        assert is_verb, f"{place} begins with {word!r}"


def test_there_are_functions_to_look_at():
    assert sum(1 for path in sources() for _ in functions(path)) > 500
