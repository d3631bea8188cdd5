"""The arrows of the architecture: who may import whom."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A module imports from the layers below its own, and within its own package; what stands
# in one layer does not know each other.
LAYERS = [
    {"atomic"},
    {"errors", "space", "jobdir", "gp", "dataformats", "cli_options", "programs"},
    {"remote"},
    {"study", "machines", "storage", "encoding", "cli_main"},
    {"jobfile", "datasets", "grid", "trial"},
    {"job", "sampler", "predictions"},
    {"backends.base"},
    {"results", "statusfile"},
    {"backends.local", "backends.katib", "report"},
    {"submit", "display"},
    {"steps", "cli_katib_options", "cli_request"},
    {"cli_katib", "cli_cluster"},
    {"cli"},
    {"__main__"},
]
ARRAYS_ONLY = {"numpy", "scipy", "hptune.gp"}
KUBERNETES_CLIENTS = {"hptune.backends.katib.client", "hptune.backends.katib.connection"}


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


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def layer(module: str) -> tuple[int, str] | None:
    """Number and name of the entry of LAYERS that names most of a module; None for hptune itself."""
    inside = module.removeprefix("hptune").removeprefix(".")
    found = [(i, name) for i, names in enumerate(LAYERS) for name in names if is_within(inside, name)]
    return max(found, key=lambda entry: len(entry[1]), default=None)


def wrong_arrows(module: str, tree: ast.AST) -> list[str]:
    own = layer(module)
    wrong = []
    for target in imports(tree):
        other = layer(target) if is_within(target, "hptune") else None
        if own and other and own[1] != other[1] and own[0] <= other[0]:
            wrong.append(f"{module} (layer {own[0]}) imports {target} (layer {other[0]})")
    return wrong


def sources(folder: str) -> dict[str, ast.Module]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}


HPTUNE = sources("hptune")
EXAMPLES = sources("examples")


@pytest.mark.parametrize("module", HPTUNE)
def test_imports_run_one_way(module):
    assert wrong_arrows(module, HPTUNE[module]) == []


def test_every_module_has_its_place():
    packages = {"hptune", "hptune.backends"}
    missing = [module for module in HPTUNE if layer(module) is None and module not in packages]
    assert missing == [], "name them in LAYERS"


def test_an_arrow_that_points_upwards_is_seen():
    tree = ast.parse("def late():\n    from hptune.backends.local import backend\n")
    assert wrong_arrows("hptune.space", tree)
    assert wrong_arrows("hptune.submit", ast.parse("import hptune.display"))
    assert wrong_arrows("hptune.backends.base", ast.parse("from hptune.backends import local"))
    assert not wrong_arrows("hptune.cli", tree)


@pytest.mark.parametrize("module", [module for module in HPTUNE if is_within(module, "hptune.gp")])
def test_gp_is_arrays_only(module):
    foreign = [
        target
        for target in imports(HPTUNE[module])
        if target.partition(".")[0] not in sys.stdlib_module_names
        and not any(is_within(target, each) for each in ARRAYS_ONLY)
    ]
    assert foreign == []


@pytest.mark.parametrize("module", HPTUNE)
def test_heavy_and_foreign_libraries_stay_where_they_belong(module):
    tree = HPTUNE[module]
    assert not [target for target in imports(tree) if is_within(target, "kfp")]
    assert not [target for target in imports_when_loaded(tree) if is_within(target, "tensorflow")]
    if module not in KUBERNETES_CLIENTS:
        assert not [target for target in imports(tree) if is_within(target, "kubernetes")]


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_are_what_an_ml_engine_user_had(module):
    foreign = [t for t in imports(EXAMPLES[module]) if is_within(t, "hptune") or is_within(t, "kfp")]
    assert foreign == []
