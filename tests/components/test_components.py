"""What every component keeps to, so that its image needs nothing of this repository but hptune."""

import ast
import sys
from pathlib import Path

import pytest

COMPONENTS = Path(__file__).parents[2] / "components"
STEPS = ("download", "preprocess", "tune", "train", "report")
MAX_STATEMENTS = 8


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def function(step):
    [found] = [
        node for node in parse(COMPONENTS / step / "component.py").body if isinstance(node, ast.FunctionDef)
    ]
    return found


def imported(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_every_folder_is_a_step():
    assert {path.parent.name for path in COMPONENTS.glob("*/component.py")} == set(STEPS)


@pytest.mark.parametrize(
    "path", sorted(COMPONENTS.rglob("*.py")), ids=lambda path: path.relative_to(COMPONENTS).as_posix()
)
def test_only_kfp_and_the_standard_library_are_imported_at_the_top(path):
    allowed = {*sys.stdlib_module_names, "kfp", "components"}
    assert {name.partition(".")[0] for name in imported(parse(path).body)} <= allowed


@pytest.mark.parametrize("step", STEPS)
def test_a_body_is_a_few_calls_to_hptune(step):
    statements = [
        node
        for statement in function(step).body[1:]
        for node in ast.walk(statement)
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert len(statements) <= MAX_STATEMENTS
    inside = set(imported(ast.walk(function(step))))
    assert inside <= {"pathlib", "hptune.data", "hptune.steps", "hptune.results.status_file"}


@pytest.mark.parametrize("step", STEPS)
def test_readme_names_every_input_and_output(step):
    readme = (COMPONENTS / step / "README.md").read_text(encoding="utf-8")
    missing = [arg.arg for arg in function(step).args.args if f"`{arg.arg}`" not in readme]
    assert missing == []
