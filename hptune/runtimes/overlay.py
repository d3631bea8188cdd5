"""Requirements on top of an interpreter's packages: a virtual environment for each content, made once."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hptune.errors import RuntimeNotReady
from hptune.runtimes import pip
from hptune.runtimes.cache import Progress, is_complete, make_once, runtimes_directory

# Whatever release a trainer asks for, it gets the runtime's: that is what the runtime is for.
_TENSORFLOW = frozenset(
    {
        "tensorflow",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-estimator",
        "tensorboard",
        "tf-nightly",
        "keras",
    }
)


@dataclass(frozen=True)
class Plan:
    """What is to be done for a trainer's requirements.

    Attributes:
        missing: What is to be installed.
        kept: What the runtime has in another version than asked for, and keeps, in words.
    """

    missing: tuple[str, ...]
    kept: tuple[str, ...] = ()


def plan(requirements: Sequence[str], installed: dict[str, str], *, fixed: bool) -> Plan:
    """Compares requirements with what an interpreter has.

    Args:
        requirements: Lines as pip takes them.
        installed: Version by canonical name.
        fixed: Whether the interpreter's packages are to stay at their versions, as a managed environment's.
    """
    missing, kept = [], []
    has_tensorflow = any(name.startswith("tensorflow") for name in installed)
    for line in requirements:
        wanted = _parse(line)
        if wanted is None:
            missing.append(line)
            continue
        name = canonicalize_name(wanted.name)
        have = installed.get(name)
        is_given = has_tensorflow and name in _TENSORFLOW
        if wanted.marker and not wanted.marker.evaluate():
            continue
        if have and wanted.specifier.contains(have, prereleases=True):
            continue
        if is_given or (have and fixed):
            if have:
                kept.append(f"{name} {have}, where {line} is asked for")
            continue
        missing.append(line)
    # Options alone ask for nothing.
    return Plan(tuple(missing) if any(line[0] != "-" for line in missing) else (), tuple(kept))


def _parse(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def prepare(base: str, requirements: Sequence[str], *, fixed: bool, progress: Progress) -> str:
    """Makes an environment with an interpreter's packages and requirements; returns its interpreter.

    Args:
        base: The interpreter. It is returned where it has all that is asked for.
        requirements: Lines as pip takes them.
        fixed: As in `plan`.
        progress: Is told what is installed.

    Raises:
        RuntimeNotReady: Something cannot be installed.
    """
    directory = place(base, requirements)
    if is_complete(directory):
        return _python(directory)
    installed = pip.installed(base)
    todo = plan(requirements, installed, fixed=fixed)
    for line in todo.kept:
        progress(f"the trainer gets {line}")
    if not todo.missing:
        return base
    progress(f"installs for the trainer, once: {', '.join(todo.missing)}")
    make_once(directory, lambda path: _make(path, base, todo.missing, installed, progress), progress)
    return _python(directory)


def place(base: str, requirements: Sequence[str]) -> Path:
    """Returns where the environment of these requirements on this interpreter is kept."""
    digest = hashlib.sha256("\n".join((base, *requirements)).encode())
    return runtimes_directory() / f"requirements-{digest.hexdigest()[:16]}"


def hypertune_directory() -> Path:
    """Returns a directory with the package hypertune alone, hptune's own, for the path of an interpreter."""
    spec = find_spec("hypertune")
    package = Path(spec.origin).parent if spec and spec.origin else None
    if package is None:
        raise RuntimeNotReady("cloudml-hypertune, which hptune depends on, is not installed")
    directory = runtimes_directory() / f"hypertune-{metadata.version('cloudml-hypertune')}"
    make_once(directory, lambda path: _copy(package, path / package.name), print)
    return directory


def _copy(package: Path, target: Path) -> None:
    shutil.copytree(package, target, ignore=shutil.ignore_patterns("__pycache__"))


def _python(directory: Path) -> str:
    return str(directory / "bin" / "python")


def _make(
    path: Path, base: str, missing: Sequence[str], installed: dict[str, str], progress: Progress
) -> None:
    python = pip.make_venv(base, path)
    below = pip.package_paths(base)
    # addsitedir and not the paths alone, so that .pth files there count: TensorFlow 1 is one.
    lines = [f"import site; site.addsitedir({directory!r})\n" for directory in below]
    (pip.site_packages(python) / "zz_hptune_base.pth").write_text("".join(lines), encoding="utf-8")
    constraints = path / "constraints.txt"
    constraints.write_text("".join(_constraints(missing, installed)), encoding="utf-8")
    _install(python, ["--constraint", str(constraints)], missing, progress)


def _install(python: str, options: list[str], missing: Sequence[str], progress: Progress) -> None:
    """Installs them as asked for or, where those versions are not to be had, in others."""
    try:
        pip.install(python, [*options, "--prefer-binary", *_tokens(missing)], progress)
    except RuntimeNotReady:
        loose = [_without_version(line) for line in missing]
        if loose == list(missing):
            raise
        progress("pip cannot install these versions here; tries the ones that this Python has")
        pip.install(python, [*options, "--prefer-binary", *_tokens(loose)], progress)


def _tokens(lines: Sequence[str]) -> list[str]:
    """Requirements as arguments of ``pip install``; an option and its value are two."""
    return [token for line in lines for token in (line.split(maxsplit=1) if line[0] == "-" else [line])]


def _without_version(line: str) -> str:
    wanted = _parse(line)
    if wanted is None or wanted.url:
        return line
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    return f"{wanted.name}{extras}"


def _constraints(missing: Sequence[str], installed: dict[str, str]) -> list[str]:
    """Returns constraints that keep what is there as it is, but for what is asked for by name."""
    named = {canonicalize_name(wanted.name) for line in missing if (wanted := _parse(line))}
    tools = {"pip", "setuptools", "wheel"}
    return [f"{name}=={version}\n" for name, version in installed.items() if name not in named | tools]
