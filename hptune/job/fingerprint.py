"""Tells versions of a trainer apart: a digest of the files that a trial would run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hptune.job.submission import Program, Submission

# A package may hold data; of a large file the size will do.
_MOST_READ_BYTES = 2**20


def fingerprint(submission: Submission) -> str:
    """Computes a digest of the trainer's own files; empty where it has none that are known.

    They are those of its package's directory, of the archives of packages, and the files that its command
    names. Bytecode and what is hidden do not count. What runs in an image is known by the image alone.
    """
    if submission.program.image:
        return hashlib.sha256(submission.program.image.encode()).hexdigest()
    files = [*_program_files(submission.program), *(Path(each) for each in submission.packages)]
    return digest(files)


def digest(files: Sequence[Path]) -> str:
    """Computes a digest of files' names and contents; empty where there are none."""
    whole = hashlib.sha256()
    found = [path for path in files if path.is_file()]
    for path in found:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _MOST_READ_BYTES else b""
        whole.update(f"{path.name}\0{size}\0{hashlib.sha256(content).hexdigest()}\0".encode())
    return whole.hexdigest() if found else ""


def _program_files(program: Program) -> Iterator[Path]:
    if program.module is None:
        yield from (path for path in map(Path, program.command) if path.is_file())
        return
    package = program.module.partition(".")[0]
    for directory in program.python_path:
        if (Path(directory) / package).is_dir():
            yield from _files_below(Path(directory) / package)
            return
        if (Path(directory) / f"{package}.py").is_file():
            yield Path(directory) / f"{package}.py"
            return


def _files_below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for path in (Path(folder, name) for name in sorted(names)):
            if path.suffix != ".pyc" and not path.name.startswith(".") and path.is_file():
                yield path
