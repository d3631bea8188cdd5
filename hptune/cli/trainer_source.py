"""What a trainer's source says of it, read and not run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainerSource:
    """A module that can be run.

    Attributes:
        module: Its name, as in ``python -m``.
        required_flags: The flags that it cannot do without, such as ``--job-dir``: those that its own
            ``add_argument`` calls name and mark as required.
    """

    module: str
    required_flags: tuple[str, ...]


def programs_beside(job_file: Path) -> list[TrainerSource]:
    """Finds the modules that can be run in the package that a job file lies in, in alphabetical order.

    ML Engine's samples have their hptune.yaml in the trainer's package. A file that is not Python is passed
    over; the list is empty where the job file is in no package.
    """
    directory = job_file.absolute().parent
    if not (directory / "__init__.py").is_file():
        return []
    parsed = {path: _parse(path) for path in sorted(directory.glob("*.py"))}
    return [
        TrainerSource(f"{directory.name}.{path.stem}", tuple(_required_flags(tree)))
        for path, tree in parsed.items()
        if tree and any(map(_is_main_guard, tree.body))
    ]


def _parse(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None


def _is_main_guard(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and ast.unparse(statement.test) in ("__name__ == '__main__'", "'__main__' == __name__")
    )


def _required_flags(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr != "add_argument" or not any(map(_is_required, call.keywords)):
            continue
        names = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        yield from (name for name in names[:1] if name.startswith("--"))


def _is_required(keyword: ast.keyword) -> bool:
    value = keyword.value
    return keyword.arg == "required" and isinstance(value, ast.Constant) and value.value is True
