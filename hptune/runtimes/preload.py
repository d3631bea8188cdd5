"""Finds what may be imported before a process is forked for a trial: from the trainer's source, not run.

A trainer's own modules are never imported beforehand: what they do when imported is the trial's. What they
import from the environment at their top is, in their order, up to the first statement that could change what
an import does: a call, an assignment to something other than a name. One such is made beforehand too, as many
trainers have it for TensorFlow: a constant that is put into ``os.environ``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path

# A bare call below these changes what is printed, and nothing else.
_ONLY_TALK = {"logging", "warnings"}


def importable_beforehand(module: str, python_path: Sequence[str]) -> list[str]:
    """Returns statements, each complete on a line: imports, and constants for ``os.environ`` between them.

    Args:
        module: The trainer's, as ``python -m`` takes it.
        python_path: Where it and its neighbours are looked for before the environment.
    """
    reader = _Reader(module, python_path)
    with suppress(_MayChangeImports):
        reader.read_main()
    return list(dict.fromkeys(reader.found))


class _MayChangeImports(Exception):
    """What follows may depend on what a statement does."""


class _Reader:
    """Reads modules in the order in which Python would run them."""

    def __init__(self, module: str, python_path: Sequence[str]) -> None:
        self.found: list[str] = []
        self._module = module
        self._own_name = module.partition(".")[0]
        environment = _environment_path()
        # The last is where Python 2 let a module find its siblings; launch.py still does.
        siblings = [str(Path(folder, *module.split(".")[:-1])) for folder in python_path]
        self._folders = [*python_path, *siblings]
        self._environment = environment
        self._read: set[Path] = set()
        self._functions: set[str] = set()

    def read_main(self) -> None:
        """Reads the packages of the trainer's module, then the module itself."""
        package = self._module.rpartition(".")[0]
        if package:
            self._read_module(package)
        for path in (self._path_of(f"{self._module}.__main__"), self._path_of(self._module)):
            if path is not None:
                self._read_file(path, package if path.name != "__main__.py" else self._module)
                return

    def _path_of(self, module: str) -> Path | None:
        """Finds the file of a module of the trainer's; None where it is none of these."""
        parts = module.split(".")
        folders = [*self._folders, *(self._environment if parts[0] == self._own_name else ())]
        for folder in map(Path, folders):
            for path in (folder.joinpath(*parts, "__init__.py"), folder.joinpath(*parts).with_suffix(".py")):
                if path.is_file():
                    return path
        return None

    def _is_own(self, module: str) -> bool:
        top = module.partition(".")[0]
        return top == self._own_name or any(
            Path(folder, top).is_dir() or Path(folder, f"{top}.py").is_file() for folder in self._folders
        )

    def _read_module(self, module: str) -> None:
        """Reads a module of the trainer's and the packages around it, the outermost first."""
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            path = self._path_of(name)
            if path is not None:
                is_package = path.name == "__init__.py"
                self._read_file(path, name if is_package else name.rpartition(".")[0])

    def _read_file(self, path: Path, package: str) -> None:
        if path in self._read:
            return
        self._read.add(path)
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (OSError, SyntaxError, ValueError, RecursionError):
            # The trainer itself will say so.
            raise _MayChangeImports from None
        self._functions |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._read_statements(tree.body, package)

    def _read_statements(self, statements: Sequence[ast.stmt], package: str) -> None:
        for statement in statements:
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    self._import(alias.name, ast.Import([alias]))
            elif isinstance(statement, ast.ImportFrom):
                self._import_from(statement, package)
            elif isinstance(statement, ast.Try):
                self._read_statements([*statement.body, *statement.orelse], package)
            elif _sets_constants_in_environment(statement):
                self.found.append(ast.unparse(statement))
            elif not self._is_harmless(statement):
                raise _MayChangeImports

    def _import(self, module: str, statement: ast.stmt) -> None:
        if self._is_own(module):
            self._read_module(module)
        elif self._is_in_environment(module):
            self.found.append(ast.unparse(statement))

    def _import_from(self, statement: ast.ImportFrom, package: str) -> None:
        above = package.split(".")[: len(package.split(".")) - statement.level + 1] if statement.level else []
        module = ".".join([*above, *([statement.module] if statement.module else [])])
        if statement.level or self._is_own(module):
            self._read_module(module)
            for alias in statement.names:
                self._read_module(f"{module}.{alias.name}")
        elif module != "__future__" and statement.names[0].name != "*":
            self._import(module, statement)

    def _is_in_environment(self, module: str) -> bool:
        top = module.partition(".")[0]
        return top in sys.stdlib_module_names or PathFinder.find_spec(top, self._environment) is not None

    def _is_harmless(self, statement: ast.stmt) -> bool:
        """Returns whether a statement leaves alone what imports that follow it do, as far as can be seen."""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Pass):
            return True
        if isinstance(statement, ast.If):
            return _is_main_guard(statement.test) or all(map(self._is_harmless, _branches(statement)))
        if isinstance(statement, ast.Import | ast.ImportFrom):
            # In a branch: whether it runs is not known here.
            return True
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            return all(map(_is_name, targets)) and not any(map(self._may_change, ast.walk(statement)))
        if isinstance(statement, ast.Expr):
            value = statement.value
            return isinstance(value, ast.Constant) or (
                isinstance(value, ast.Call) and _root(value.func) in _ONLY_TALK
            )
        return False

    def _may_change(self, node: ast.AST) -> bool:
        """Returns whether an expression calls a function of the trainer's or changes the environment."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id in self._functions or node.func.id in ("exec", "eval", "__import__")
        return isinstance(node, ast.Call) and "environ" in ast.dump(node.func)


def _environment_path() -> list[str]:
    """Returns the folders of the interpreter's own and of what is installed for it."""
    prefixes = {Path(sys.prefix), Path(sys.base_prefix)}
    return [folder for folder in sys.path if any(prefix in Path(folder).parents for prefix in prefixes)]


def _branches(statement: ast.If) -> Iterator[ast.stmt]:
    yield from statement.body
    yield from statement.orelse


def _is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and _root(test.left) == "__name__"


def _is_name(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_is_name, target.elts))
    return isinstance(target, ast.Name)


def _root(node: ast.expr) -> str:
    """Returns the name that an expression such as ``a.b(c).d`` begins with; empty where it is none."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""


def _sets_constants_in_environment(statement: ast.stmt) -> bool:
    """Returns whether a statement is ``os.environ["NAME"] = "value"`` or the like with ``setdefault``."""
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
        return (
            len(statement.targets) == 1
            and isinstance(target, ast.Subscript)
            and _is_environ(target.value)
            and _is_text(target.slice)
            and _is_text(statement.value)
        )
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        return (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "setdefault"
            and _is_environ(call.func.value)
            and not call.keywords
            and all(map(_is_text, call.args))
        )
    return False


def _is_environ(node: ast.expr) -> bool:
    return ast.unparse(node) == "os.environ"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
