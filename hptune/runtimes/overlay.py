"""Requirements on top of an interpreter's packages: a virtual environment for each content, made once."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hptune.errors import RuntimeNotReady
from hptune.runtimes import pip
from hptune.runtimes.cache import Progress, is_complete, make_once, runtimes_directory
from hptune.runtimes.missing import distribution

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

_LEFT_OUT = "left-out.txt"
# pip says so of an index that does not answer: then nothing is known of the requirements.
_NOT_REACHED = "after connection broken by"

# Installs lines as requirements; raises RuntimeNotReady where that cannot be done.
Install = Callable[[Sequence[str]], None]


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


def prepare(
    base: str, requirements: Sequence[str], imports: Sequence[str], *, fixed: bool, progress: Progress
) -> str:
    """Makes an environment with an interpreter's packages and requirements; returns its interpreter.

    Args:
        base: The interpreter. It is returned where it has all that is asked for.
        requirements: Lines as pip takes them.
        imports: The packages that the trainer imports. Where all are there, a requirement that cannot be
            installed is left out.
        fixed: Whether the interpreter's packages are to stay at their versions.
        progress: Is told what is installed.

    Raises:
        RuntimeNotReady: Something cannot be installed.
    """
    directory = place(base, requirements)
    if is_complete(directory):
        _tell_left_out(directory, progress)
        return _python(directory)
    installed = pip.installed(base)
    todo = plan(requirements, installed, fixed=fixed)
    for line in todo.kept:
        progress(f"the trainer gets {line}")
    if not todo.missing:
        return base
    progress(f"installs for the trainer, once: {', '.join(todo.missing)}")
    make_once(directory, lambda path: _make(path, base, todo.missing, imports, installed, progress), progress)
    _tell_left_out(directory, progress)
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
    path: Path,
    base: str,
    missing: Sequence[str],
    imports: Sequence[str],
    installed: dict[str, str],
    progress: Progress,
) -> None:
    python = pip.make_venv(base, path)
    below = pip.package_paths(base)
    # addsitedir and not the paths alone, so that .pth files there count: TensorFlow 1 is one.
    lines = [f"import site; site.addsitedir({directory!r})\n" for directory in below]
    (pip.site_packages(python) / "zz_hptune_base.pth").write_text("".join(lines), encoding="utf-8")
    constraints = path / "constraints.txt"
    constraints.write_text("".join(_constraints(missing, installed)), encoding="utf-8")

    def install(asked: Sequence[str]) -> None:
        options = ("--constraint", str(constraints), "--prefer-binary")
        pip.install(python, [*options, *_tokens(asked)], progress)

    try:
        _install(install, missing, progress)
    except RuntimeNotReady as failure:
        if _NOT_REACHED in str(failure):
            raise
        left_out = _install_apart(install, missing, imports)
        if left_out is None or _cannot_do_without(python, left_out, imports):
            raise failure from None
        (path / _LEFT_OUT).write_text(", ".join(left_out), encoding="utf-8")


def _tell_left_out(directory: Path, progress: Progress) -> None:
    """Tells each job of it: an index that does not answer today may have it tomorrow."""
    file = directory / _LEFT_OUT
    if file.exists() and (names := file.read_text(encoding="utf-8")):
        progress(
            f"goes on without {names}, which pip could not install: all that the trainer imports is there. "
            f"Delete {directory} to have it tried again"
        )


def _install(install: Install, missing: Sequence[str], progress: Progress) -> None:
    """Installs them as asked for or, where those versions are not to be had, in others."""
    try:
        install(missing)
    except RuntimeNotReady:
        loose = [_without_version(line) for line in missing]
        if loose == list(missing):
            raise
        progress("pip cannot install these versions here; tries the ones that this Python has")
        install(loose)


def _install_apart(install: Install, missing: Sequence[str], imports: Sequence[str]) -> list[str] | None:
    """Installs what the trainer seems to import, and of the rest what can be.

    Returns:
        What of the rest cannot; None where there is no rest, or what is imported cannot be installed either.
    """
    options = [line for line in missing if line[0] == "-"]
    names = {canonicalize_name(name) for module in imports for name in (module, distribution(module))}
    imported: list[str] = []
    rest: list[str] = []
    for line in (_without_version(line) for line in missing if line not in options):
        wanted = _parse(line)
        (imported if wanted and canonicalize_name(wanted.name) in names else rest).append(line)
    if not imports or not rest or (imported and not _installs(install, [*options, *imported])):
        return None
    return _without_those_that_fail(lambda lines: install([*options, *lines]), rest)


def _without_those_that_fail(install: Install, lines: list[str]) -> list[str]:
    """Installs lines, by halves where not all can be, so that pip runs seldom; returns those that cannot."""
    if _installs(install, lines):
        return []
    if len(lines) == 1:
        return lines
    half = len(lines) // 2
    return [line for part in (lines[:half], lines[half:]) for line in _without_those_that_fail(install, part)]


def _installs(install: Install, lines: Sequence[str]) -> bool:
    try:
        install(lines)
    except RuntimeNotReady:
        return False
    return True


def _cannot_do_without(python: str, left_out: Sequence[str], imports: Sequence[str]) -> bool:
    """Tells whether the trainer may import something of requirements."""
    # Google's packages share one name, which is there with any of them.
    of_google = any(canonicalize_name(line).startswith("google-") for line in left_out)
    return bool(pip.lacking(python, imports)) or (of_google and "google" in imports)


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
