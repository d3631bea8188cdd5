"""Finds an interpreter of a version that a runtime needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ASK = "import sys, json; print(json.dumps([list(sys.version_info[:2]), sys.executable]))"
_CAN_MAKE_VENV = "import ensurepip, venv"
_PATIENCE_S = 30


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs.

    Attributes:
        path: Its executable.
        version: Major and minor.
    """

    path: str
    version: tuple[int, int]


def ask(path: str) -> Interpreter | None:
    """Asks the Python at a path what it is; None where none runs there."""
    # Not -I, which Python 2 does not know.
    answer = _output([path, "-c", _ASK])
    try:
        version, executable = json.loads(answer)
        return Interpreter(executable or path, (int(version[0]), int(version[1])))
    except (ValueError, TypeError, IndexError):
        return None


def find(versions: tuple[tuple[int, int], ...]) -> Interpreter | None:
    """Finds the first interpreter of some versions that can make virtual environments, wanted ones first.

    Looked for are hptune's own, ``python3.11`` and the like on PATH, and those of pyenv.
    """
    if sys.version_info[:2] in versions and _makes_venv(sys.executable):
        return Interpreter(sys.executable, sys.version_info[:2])
    for version in versions:
        for path in _candidates(version):
            found = ask(path)
            if found and found.version == version and _makes_venv(found.path):
                return found
    return None


def _candidates(version: tuple[int, int]) -> Iterator[str]:
    name = f"{version[0]}.{version[1]}"
    on_path = shutil.which(f"python{name}")
    if on_path:
        yield on_path
    yield from map(str, sorted(Path.home().glob(f".pyenv/versions/{name}.*/bin/python"), reverse=True))
    yield from (
        str(p) for p in (Path(f"/usr/bin/python{name}"), Path(f"/usr/local/bin/python{name}")) if p.exists()
    )


def _makes_venv(path: str) -> bool:
    return _output([path, "-c", f"{_CAN_MAKE_VENV}; print(1)"]).strip() == "1"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
