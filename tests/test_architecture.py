"""The order of the wings: who may import whom."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A wing imports from itself and from the groups before its own.
ORDER = (
    "errors, extras, retry; search, storage; results, data; job, console; runtimes; trial; backends; steps; "
    "api; cli, components; pipelines"
)
# What is confined to some modules, and the modules that may import it.
CONFINED = {
    "kubernetes": ("hptune.backends.katib.cluster",),
    "kfp": ("components", "pipelines"),
    # What is put into an environment of TensorFlow's.
    "tensorflow": ("hptune.runtimes.startup",),
    "hptune.cli": ("hptune.cli", "hptune.__main__", "pipelines"),
}
GROUPS = [[wing.strip() for wing in group.split(",")] for group in ORDER.split(";")]
LEVEL = {wing: level for level, group in enumerate(GROUPS) for wing in group}
TOP = {"__init__", "__main__"}
"""Modules of hptune itself: the version, and the way in."""


def module_name(path: Path, root: Path = ROOT) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported anywhere in a tree; ``from a import b`` counts as a and as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_when_loaded(tree: ast.Module) -> Iterator[str]:
    """Modules that are imported outside functions."""
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(statement)


def is_within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def wing(module: str) -> str | None:
    """The wing that a module stands in; None for what stands in none."""
    parts = module.removeprefix("hptune.").split(".")
    return parts[0] if parts[0] in LEVEL else None


def wrong_arrows(module: str, tree: ast.AST) -> list[str]:
    own = wing(module)
    targets = {target: wing(target) for target in imports(tree)}
    return [
        f"{module} imports {target}: {own} stands before, or beside, {other}"
        for target, other in targets.items()
        if own and other and own != other and LEVEL[own] <= LEVEL[other]
    ]


def sources(folder: str) -> dict[str, ast.Module]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}


HPTUNE = sources("hptune")
AROUND = sources("components") | sources("pipelines")
EXAMPLES = sources("examples")


@pytest.mark.parametrize("module", HPTUNE | AROUND)
def test_a_wing_imports_only_what_stands_before_it(module):
    assert wrong_arrows(module, (HPTUNE | AROUND)[module]) == []


def test_every_module_stands_in_a_wing():
    homeless = [module for module in HPTUNE if wing(module) is None]
    assert homeless == ["hptune", "hptune.__main__"]
    assert {path.name for path in (ROOT / "hptune").iterdir() if path.suffix == ".py"} == {
        "__init__.py",
        "__main__.py",
        "errors.py",
        "extras.py",
        "retry.py",
    }


def test_an_arrow_that_points_upwards_is_seen():
    late = ast.parse("def late():\n    from hptune.backends.local import backend\n")
    assert wrong_arrows("hptune.search.space", late)
    assert wrong_arrows("hptune.job.request", ast.parse("import hptune.console.progress"))
    assert wrong_arrows("hptune.trial.spec", ast.parse("from hptune import steps"))
    assert not wrong_arrows("hptune.cli.run", late)


@pytest.mark.parametrize("module", [module for module in HPTUNE if is_within(module, "hptune.search.gp")])
def test_gp_is_arrays_only(module):
    allowed = {*sys.stdlib_module_names, "numpy", "scipy"}
    foreign = [t for t in imports(HPTUNE[module]) if t.partition(".")[0] not in allowed]
    assert [t for t in foreign if not is_within(t, "hptune.search.gp")] == []


@pytest.mark.parametrize("module", HPTUNE | AROUND)
def test_what_is_confined_stays_where_it_belongs(module):
    # TensorFlow may be needed, but never waited for by who does not need it.
    found = {*imports((HPTUNE | AROUND)[module])}
    found -= {t for t in found if is_within(t, "tensorflow")} - {
        *imports_when_loaded((HPTUNE | AROUND)[module])
    }
    wrong = [
        target
        for target in found
        for library, homes in CONFINED.items()
        if is_within(target, library) and not is_within(module, *homes)
    ]
    assert wrong == []


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_are_what_an_ml_engine_user_had(module):
    assert [t for t in imports(EXAMPLES[module]) if is_within(t, "hptune", "kfp")] == []


def test_only_its_own_modules_know_the_example():
    paths = [path for folder in ("hptune", "components", "pipelines") for path in (ROOT / folder).rglob("*")]
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if path.suffix in (".py", ".md", ".html") and names_the_example(path.read_text(encoding="utf-8"))
    }
    # TensorFlow 1 had a reader of it, for which trainers ask by its name.
    startup = "hptune/runtimes/startup/hptune_tf1"
    of_tensorflow = {f"{startup}/{name}" for name in ("contrib/learn.py", "finder.py", "mnist.py")}
    assert naming == {"hptune/data/mnist.py", "pipelines/mnist.py", *of_tensorflow}


def names_the_example(text: str) -> bool:
    lines = text.lower().splitlines()
    return any("mnist" in line and not line.startswith("from hptune.data.mnist import") for line in lines)


def test_no_two_test_files_share_a_name():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names)), "pytest imports each by its name alone"


DRAWING = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_drawing_for_people_has_the_order_of_the_wings():
    assert ORDER in " ".join(DRAWING.split())


def test_every_module_and_name_of_the_drawing_exists():
    named = re.findall(r"`([\w/]+\.py)(?:: (\w+))?`", DRAWING)
    named += [
        (path, name) for name, path in re.findall(r"`([\w.]+)(?:\([^`]*\))?` in `([\w/]+\.py)`", DRAWING)
    ]
    assert len(named) > 40
    for path, name in named:
        places = [ROOT / path, *(ROOT / "hptune" / wing / path for wing in ("", "backends/katib"))]
        found = [place for place in places if place.is_file()]
        assert found, f"docs/architecture.md names {path}, which is not there"
        for part in filter(None, name.split(".")):
            code = found[0].read_text(encoding="utf-8")
            assert re.search(rf"(def|class) {part}\b|^{part}\b.* = ", code, re.MULTILINE), (
                f"{path} has no {part}"
            )
