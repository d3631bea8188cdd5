"""Builds programs from pinned Go modules, each once: a finished build is a directory of its own name."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import settings
from tests.cluster.shell import run, step, tell

# Without cgo the programs run in an empty image. The machine's other users of the processors go first.
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
_NICE = ("nice", "-n", "15")


def nothing(_source: Path) -> None:
    """Leaves a module's source as it is."""


@dataclass(frozen=True)
class Part:
    """Programs of one module.

    Attributes:
        name: Names its directory.
        version: The module's version.
        programs: By a program's file name, the Go package that it is made of.
        module: The module's path, whose own go.mod and go.sum pin all that it requires; None for the
            directory of this name below ``modules``.
        flags: More for the linker.
        prepare: Mends a copy of the source before it is built.
        kept: Directories of the source to keep beside the programs.
        recipe: Counted up where the same version is built in another way.
    """

    name: str
    version: str
    programs: Mapping[str, str]
    module: str | None = None
    flags: str = ""
    prepare: Callable[[Path], None] = nothing
    kept: tuple[str, ...] = field(default=())
    recipe: int = 1

    @property
    def directory(self) -> Path:
        """Where the programs are once they are built."""
        return settings.BUILT / f"{self.name}-{self.version}-{self.recipe}"

    def program(self, name: str) -> Path:
        """A program's file."""
        return self.directory / name

    def build(self) -> None:
        """Builds it, unless it is there; a build that was ended goes on where Go's own cache has it.

        Raises:
            HarnessError: A module cannot be had, or does not compile.
        """
        if self.directory.is_dir():
            return
        with step(f"building {self.name} {self.version}"):
            work = settings.WORK / f"{self.name}-{os.getpid()}"
            shutil.rmtree(work, ignore_errors=True)
            try:
                self._build_in(work)
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def _build_in(self, work: Path) -> None:
        source, out = work / "source", work / "out"
        out.mkdir(parents=True)
        self._copy_source(source)
        self.prepare(source)
        for number, (name, package) in enumerate(self.programs.items(), 1):
            tell(f"  {name} ({number} of {len(self.programs)})")
            _compile(source, package, out / name, self.flags)
        for folder in self.kept:
            shutil.copytree(source / folder, out / folder)
        _publish(out, self.directory)

    def _copy_source(self, target: Path) -> None:
        if self.module is None:
            shutil.copytree(Path(__file__).parent / "modules" / self.name, target)
            return
        listed = run("go", "mod", "download", "-json", f"{self.module}@{self.version}", cwd=target.parent)
        # Read-only in Go's cache of modules.
        shutil.copytree(json.loads(listed)["Dir"], target, copy_function=shutil.copyfile)
        for folder in (target, *target.rglob("*/")):
            folder.chmod(0o755)


def _compile(source: Path, package: str, target: Path, flags: str) -> None:
    command = ("go", "build", "-trimpath", "-ldflags", f"-s -w {flags}".strip(), "-o", target, package)
    run(*_NICE, *command, cwd=source, env=_ENVIRONMENT)


def _publish(made: Path, target: Path) -> None:
    """Gives a finished build its name, in one step, unless another process was faster."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            raise
