"""What a trainer's source says of the TensorFlow that it was written for, read and not run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hptune.runtimes.archives import MAX_BYTES, MAX_FILES, read_members
from hptune.runtimes.gone import gone_uses

# Attributes of the module that TensorFlow 2 has not.
_V1_NAMES = frozenset(
    {
        *("app", "contrib", "flags", "gfile", "layers", "logging", "Print"),
        *("ConfigProto", "GPUOptions", "GraphKeys", "InteractiveSession", "Session"),
        *("decode_csv", "parse_example", "parse_single_example", "read_file", "string_to_number"),
        *("get_variable", "global_variables", "trainable_variables", "variable_scope"),
        *("global_variables_initializer", "initialize_all_variables", "local_variables_initializer"),
        *("placeholder", "placeholder_with_default", "reset_default_graph", "set_random_seed"),
        *("tables_initializer", "to_float", "to_int32", "to_int64", "truncated_normal"),
    }
)
# Below the module: what TensorFlow 2 has otherwise, or not at all.
_V1_BELOW = {
    "train": frozenset(
        {
            *("AdagradOptimizer", "AdamOptimizer", "FtrlOptimizer", "GradientDescentOptimizer"),
            *("MomentumOptimizer", "RMSPropOptimizer", "exponential_decay", "match_filenames_once"),
            *("MonitoredTrainingSession", "Saver", "SessionRunHook", "LoggingTensorHook"),
            *("create_global_step", "get_global_step", "get_or_create_global_step"),
        }
    ),
    "summary": frozenset({"FileWriter", "merge", "merge_all"}),
    "estimator": frozenset({"inputs"}),
    "nn": frozenset({"rnn_cell", "dynamic_rnn", "softmax_cross_entropy_with_logits_v2"}),
    "saved_model": frozenset({"builder", "signature_constants", "simple_save", "tag_constants"}),
}
_V2_PATHS = (
    *(("function",), ("Module",), ("random", "set_seed"), ("summary", "create_file_writer")),
    *(("keras", "utils", "set_random_seed"), ("config", "list_physical_devices")),
)
_OLD_MODULES = ("tensorflow.contrib", "tensorflow.examples")
_MOVED_MODULES = (
    *("sklearn.externals", "sklearn.cross_validation", "sklearn.grid_search"),
    *("keras.utils.np_utils", "keras.layers.core", "keras.layers.convolutional", "keras.layers.recurrent"),
    *("keras.layers.normalization", "keras.layers.embeddings", "keras.backend.tensorflow_backend"),
)

# However the module before them was imported: tf.keras.layers, layers.
_KERAS2_PATHS = (
    *(("layers", "DenseFeatures"), ("experimental", "preprocessing"), ("keras", "wrappers")),
    ("estimator", "model_to_estimator"),
)


@dataclass(frozen=True)
class Traits:
    """What was seen in a source.

    Attributes:
        tf1: Where it uses what TensorFlow 1 alone has, in words; empty where it does not.
        estimator: Where it uses tf.estimator, which TensorFlow has had up to 2.15.
        keras: Where it uses Keras.
        tf2: Where it uses what TensorFlow 2 alone has.
        moved: Where it imports what has another name today, such as sklearn.externals, or uses what Keras 2
            or an older NumPy, pandas or scikit-learn alone has.
        python2: The file that is not Python 3.
        files: How many files were read.
        imports: The packages that are imported, but for Python's own.
    """

    tf1: str = ""
    estimator: str = ""
    keras: str = ""
    tf2: str = ""
    moved: str = ""
    python2: str = ""
    files: int = 0
    imports: frozenset[str] = frozenset()


def inspect_source(paths: Iterable[Path]) -> Traits:
    """Reads modules, packages and archives of packages.

    Args:
        paths: Files and directories; those that do not exist are passed over.
    """
    return _merged(_traits(name, text) for name, text in read_sources(paths))


def _merged(all_traits: Iterable[Traits]) -> Traits:
    found = Traits()
    for each in all_traits:
        found = Traits(
            found.tf1 or each.tf1,
            found.estimator or each.estimator,
            found.keras or each.keras,
            found.tf2 or each.tf2,
            found.moved or each.moved,
            found.python2 or each.python2,
            found.files + 1,
            found.imports | each.imports,
        )
    return found


def read_sources(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the text of each module; see `inspect_source`."""
    for path in paths:
        if path.is_dir():
            files = [file for file in sorted(path.rglob("*.py")) if file.is_file()][:MAX_FILES]
            yield from ((f"{path.name}/{file.relative_to(path)}", _content(file)) for file in files)
        elif path.suffix == ".py" and path.is_file():
            yield path.name, _content(path)
        elif path.is_file():
            yield from read_members(path, lambda name: name.endswith(".py"))


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES)
    except OSError:
        return b""


def _traits(name: str, text: bytes) -> Traits:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return Traits(python2=name)
    aliases = dict(_aliases(tree))
    tf1 = next(_imports_of(tree, _OLD_MODULES), "") or next(_v1_uses(tree, aliases), "")
    estimator = next(_uses(tree, aliases, "estimator"), "")
    keras = next(_uses(tree, aliases, "keras"), "") or ("keras" if _imports(tree, "keras") else "")
    moved = next(_imports_of(tree, _MOVED_MODULES), "") or (next(_keras2_uses(tree), "") if keras else "")
    moved = moved or next(gone_uses(tree), "")
    tf2 = next(_v2_uses(tree, aliases), "")
    used = (f"{use} in {name}" if use else "" for use in (tf1, estimator, keras, tf2, moved))
    tf1, estimator, keras, tf2, moved = used
    imports = frozenset(module.split(".")[0] for module in _modules(tree)) - sys.stdlib_module_names
    return Traits(tf1, estimator, keras, tf2, moved, imports=imports)


def _aliases(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Returns the names that TensorFlow goes by in a source, and whether as its v1 API."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in ("tensorflow", "tensorflow.compat.v1"):
                    yield alias.asname or "tensorflow", alias.name != "tensorflow"
        elif isinstance(node, ast.ImportFrom) and node.module == "tensorflow.compat":
            yield from ((alias.asname or alias.name, True) for alias in node.names if alias.name == "v1")


def _modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imports(tree: ast.AST, package: str) -> bool:
    return any(module.split(".")[0] == package for module in _modules(tree))


def _imports_of(tree: ast.AST, packages: tuple[str, ...]) -> Iterator[str]:
    for module in _modules(tree):
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            yield module


def _v1_uses(tree: ast.AST, aliases: dict[str, bool]) -> Iterator[str]:
    for chain in _chains(tree):
        alias, *names = chain
        # With the v1 API under that name, today's TensorFlow has them all but contrib.
        if alias not in aliases or (aliases[alias] and names[0] != "contrib"):
            continue
        below = _V1_BELOW.get(names[0], frozenset())
        if names[0] in _V1_NAMES or not below.isdisjoint(names[1:2]):
            yield ".".join(("tf", *names[:2]))


def _v2_uses(tree: ast.AST, aliases: dict[str, bool]) -> Iterator[str]:
    for alias, *names in _chains(tree):
        if alias in aliases and any(tuple(names[: len(path)]) == path for path in _V2_PATHS):
            yield ".".join(("tf", *names))


def _keras2_uses(tree: ast.AST) -> Iterator[str]:
    for chain in _chains(tree):
        if any(pair in _KERAS2_PATHS for pair in pairwise(chain)):
            yield ".".join(chain)


def _uses(tree: ast.AST, aliases: dict[str, bool], name: str) -> Iterator[str]:
    for module in _modules(tree):
        if module == f"tensorflow.{name}" or module.startswith((f"tensorflow.{name}.", f"tensorflow_{name}")):
            yield f"tf.{name}"
    yield from (f"tf.{name}" for alias, *names in _chains(tree) if alias in aliases and names[0] == name)


def _chains(tree: ast.AST) -> Iterator[list[str]]:
    """Attributes as they are written: ``tf.train.Saver`` as ["tf", "train", "Saver"]."""
    for node in ast.walk(tree):
        names: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            names.append(inner.attr)
            inner = inner.value
        if names and isinstance(inner, ast.Name):
            yield [inner.id, *reversed(names)]
