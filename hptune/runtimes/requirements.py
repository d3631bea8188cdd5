"""What a trainer's package asks to be installed: read from files beside it or in it, which are not run."""

from __future__ import annotations

import ast
import configparser
import itertools
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from email.parser import Parser
from pathlib import Path

from packaging.utils import canonicalize_name

from hptune.runtimes.archives import read_members
from hptune.runtimes.missing import distribution
from hptune.runtimes.pip import has_nvidia_gpu

_OF_SERVICE = frozenset(
    {"PIL", "h5py", "joblib", "numpy", "pandas", "requests", "scipy", "six", "sklearn", "xgboost", "yaml"}
)
"""What the service's runtimes had beside TensorFlow, by the names of imports: trainers did not ask for it."""
# Of the whole package's 480 MB, 350 are CUDA's.
_XGBOOST_OF_CPUS = "xgboost-cpu" if sys.platform == "linux" else "xgboost"
_PREFIXES = ("-r ", "--requirement ", "--requirement=", "-r")
# The default, or what the user's own configuration of pip has in its place.
_PYPI = ("pypi.org/", "pypi.python.org/")
# Many a setup.py of the service's time prints what it does, and trainers that Python 3 runs have such a one.
_PYTHON_2 = re.compile(r"^(\s*|.*:\s+)print\b(?!\s*\().*$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_OPTIONS_KEPT = ("-f ", "--find-links", "-i ", "--index-url", "--extra-index-url", "--pre", "--no-binary")


def read(project: Path) -> tuple[str, ...]:
    """Reads what the project in a directory needs from its setup.py, setup.cfg and pyproject.toml.

    Args:
        project: The directory that the trainer's package lies in.

    Returns:
        Lines as pip's requirements files have them. A file that cannot be read has none: the trainer may
        need nothing of it.
    """
    return _of_project(lambda name: _text(project / name))


def read_archive(archive: Path) -> tuple[str, ...]:
    """Reads what the package in an archive needs: a wheel's or a source distribution's metadata.

    Returns:
        Lines as pip's requirements files have them; none where the archive cannot be read, of which pip says
        what is wrong when it installs it.
    """
    names = ("METADATA", "PKG-INFO", "requires.txt", *_PROJECT_FILES)
    found = dict(read_members(archive, lambda name: name.rsplit("/", 1)[-1] in names))
    texts: dict[str, str] = {}
    # Those of the package itself before those of what lies in it.
    for path in sorted(found, key=lambda path: path.count("/"), reverse=True):
        texts[path.rsplit("/", 1)[-1]] = found[path].decode("utf-8-sig", "replace")
    return (
        _core_metadata(texts.get("METADATA", ""))
        or _core_metadata(texts.get("PKG-INFO", ""))
        or _requires_txt(texts.get("requires.txt", ""))
        or _of_project(lambda name: texts.get(name, ""))
    )


def _of_project(text_of: Callable[[str], str]) -> tuple[str, ...]:
    lines = [line for name, read_lines in _PROJECT_FILES.items() for line in read_lines(text_of(name))]
    return tuple(dict.fromkeys(lines))


def _core_metadata(text: str) -> tuple[str, ...]:
    return tuple(Parser().parsestr(text, headersonly=True).get_all("Requires-Dist", []))


def _requires_txt(text: str) -> tuple[str, ...]:
    """Reads a source distribution's requires.txt: what stands before its first section, of extras."""
    lines = itertools.takewhile(lambda line: not line.startswith("["), text.splitlines())
    return tuple(line.strip() for line in lines if line.strip())


def read_optional(project: Path) -> tuple[str, ...]:
    """Reads what the requirements.txt of the project in a directory lists.

    It is often a developer's list, of all that its notebooks and its preprocessing need too.
    """
    return tuple(dict.fromkeys(_requirements_txt(project / "requirements.txt")))


def of_service(lacking: Iterable[str], asked: Iterable[str] = ()) -> tuple[str, ...]:
    """Returns what to install for modules that a runtime lacks and every runtime of the service had.

    Args:
        lacking: The names of the modules.
        asked: What is installed anyway, as lines of pip's.
    """
    given = {canonicalize_name(match[0]) for line in asked if (match := _NAME.match(line))}
    names = (distribution(module) for module in sorted(_OF_SERVICE.intersection(lacking)))
    return tuple(
        _XGBOOST_OF_CPUS if name == "xgboost" and not has_nvidia_gpu() else name
        for name in names
        if canonicalize_name(name) not in given
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


def _setup_py(text: str) -> list[str]:
    tree = _parse(text) or _parse(_PYTHON_2.sub(r"\1pass", text))
    if tree is None:
        return []
    constants = {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call.func) == "setup":
            wanted = next((k.value for k in call.keywords if k.arg == "install_requires"), None)
            return _strings(wanted, constants)
    return []


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _strings(value: ast.expr | None, constants: dict[str, ast.expr]) -> list[str]:
    """Returns the strings of a list, of a name that stands for one, or of a sum of these."""
    if isinstance(value, ast.Name):
        return _strings(constants.pop(value.id, None), constants)
    if isinstance(value, ast.BinOp):
        return [*_strings(value.left, constants), *_strings(value.right, constants)]
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return [line.strip() for line in value.value.splitlines() if line.strip()]
    if isinstance(value, ast.List | ast.Tuple):
        return [text for item in value.elts for text in _strings(item, constants)]
    return []


def _setup_cfg(text: str) -> list[str]:
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read_string(text)
    except configparser.Error:
        return []
    value = config.get("options", "install_requires", fallback="")
    return [line.strip() for line in value.splitlines() if line.strip()]


def _pyproject(text: str) -> list[str]:
    try:
        wanted = tomllib.loads(text).get("project", {}).get("dependencies", [])
    except (tomllib.TOMLDecodeError, AttributeError):
        return []
    return [line for line in wanted if isinstance(line, str)] if isinstance(wanted, list) else []


_PROJECT_FILES: dict[str, Callable[[str], list[str]]] = {
    "setup.py": _setup_py,
    "setup.cfg": _setup_cfg,
    "pyproject.toml": _pyproject,
}


def _requirements_txt(file: Path, depth: int = 0) -> Iterator[str]:
    joined = _text(file).replace("\\\n", " ")
    for line in (raw.split(" #")[0].strip() for raw in joined.splitlines()):
        prefix = next((p for p in _PREFIXES if line.startswith(p)), None)
        if prefix and depth < 10:
            yield from _requirements_txt(file.parent / line.removeprefix(prefix).strip(), depth + 1)
        elif any(address in line for address in _PYPI) and line[0] == "-":
            continue
        elif line.startswith(_OPTIONS_KEPT) or (line and line[0] not in "#-"):
            # A hash is of one file; what stands beside it here may be installed in another version.
            yield line.split(" --hash")[0].strip()
