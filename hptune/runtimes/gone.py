"""What trainers use of NumPy, pandas and scikit-learn that is gone; the managed environment still has it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_OF_PYTHON = frozenset({"asscalar", "complex", "float", "int", "object", "str", "unicode"})
_OF_READING = frozenset(
    {"delim_whitespace", "error_bad_lines", "mangle_dupe_cols", "prefix", "squeeze", "warn_bad_lines"}
)
_ARGUMENTS = {
    "read_csv": _OF_READING,
    "read_table": _OF_READING,
    "OneHotEncoder": frozenset({"sparse"}),
    "mean_squared_error": frozenset({"squared"}),
}
_LOSSES = {
    "SGDClassifier": frozenset({"log"}),
    "GradientBoostingClassifier": frozenset({"deviance"}),
    "GradientBoostingRegressor": frozenset({"lad", "ls"}),
}
_SKLEARN_NAMES = frozenset(
    {"load_boston", "plot_confusion_matrix", "plot_precision_recall_curve", "plot_roc_curve"}
)


def gone_uses(tree: ast.AST) -> Iterator[str]:
    """Yields what a source uses that is gone, in words such as ``np.float``."""
    numpy = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "numpy"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _arguments(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in numpy and node.attr in _OF_PYTHON:
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sklearn":
            yield from (f"{node.module}.{a.name}" for a in node.names if a.name in _SKLEARN_NAMES)


def _arguments(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    for each in call.keywords:
        if each.arg in _ARGUMENTS.get(name, ()):
            yield f"{name}({each.arg}=...)"
        value = getattr(each.value, "value", None)
        if each.arg == "loss" and isinstance(value, str) and value in _LOSSES.get(name, ()):
            yield f"{name}(loss={value!r})"
