"""The trainer's packages: archives that pip installs, and a package's own directory, packed.

ML Engine took sdists and wheels alone. A directory is packed here so that a trainer needs no setup.py; the
archive says so itself, in a header, whatever it is called.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from hptune.errors import Fault, JobFailed, UsageError
from hptune.job.fingerprint import digest
from hptune.runtimes.pip import started

MAX_UNPACKED_BYTES = 2 * 1024**3

_HEADER = "HPTUNE.package"
_SHOWN_LINES = 10
# Tells of which archives a directory's packages are.
_INSTALLED = ".hptune-archives"


def pack_package(directory: Path, archive: Path) -> str:
    """Packs a package's directory; the same content makes the same bytes.

    Bytecode and whatever is hidden stay out: the one is of no use elsewhere, the other may be a secret. A
    link to a file is packed as the file.

    Args:
        directory: The package: the archive holds it by its name.
        archive: Where to write the archive.

    Returns:
        SHA-256 of the archive, in hexadecimal.

    Raises:
        UsageError: Something in the directory cannot be packed; carries every fault.
    """
    root = directory.absolute()
    faults: list[Fault] = []
    files = list(_files_of(root, faults))
    if faults:
        raise UsageError(faults)
    with archive.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as stream:
        headers = {_HEADER: "1"}
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
            for file in files:
                _add(tar, file, file.relative_to(root.parent).as_posix())
    return sha256_of(archive)


def _files_of(root: Path, faults: list[Fault]) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=lambda error: faults.append(_unreadable(error))):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for path in (Path(folder, name) for name in folders):
            if path.is_symlink():
                faults.append(Fault(str(path), "is a link to a directory; allowed: directories and files"))
        for path in (Path(folder, name) for name in sorted(names)):
            if path.suffix == ".pyc" or path.name.startswith("."):
                continue
            if not path.is_file():
                faults.append(Fault(str(path), "is no regular file; allowed: directories and files"))
            elif not os.access(path, os.R_OK):
                faults.append(Fault(str(path), "cannot be read: permission denied"))
            else:
                yield path


def _unreadable(error: OSError) -> Fault:
    return Fault(str(error.filename), f"cannot be read: {error.strerror}")


def _add(tar: tarfile.TarFile, file: Path, name: str) -> None:
    with file.open("rb") as content:
        status = os.fstat(content.fileno())
        entry = tarfile.TarInfo(name)
        entry.size = status.st_size
        entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
        tar.addfile(entry, content)


def is_packed_directory(archive: Path) -> bool:
    """Returns whether `pack_package` made an archive."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            return _HEADER in tar.pax_headers
    except (tarfile.TarError, OSError, EOFError):
        return False


def unpack_package(archive: Path, target: Path) -> None:
    """Unpacks what `pack_package` packed; ``target`` then belongs on PYTHONPATH.

    Args:
        archive: The archive.
        target: A new directory.

    Raises:
        JobFailed: It has what `pack_package` does not write, such as links or names that lead out of
            ``target``, or more than `MAX_UNPACKED_BYTES`; or it is damaged.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            size = 0
            for entry in tar:
                size += entry.size
                _check(entry, size)
                _write(tar, entry, target / entry.name)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise JobFailed(f"the package {archive.name} cannot be unpacked: {error}") from error


def _check(entry: tarfile.TarInfo, size: int) -> None:
    path = PurePosixPath(entry.name)
    if not entry.isreg():
        raise ValueError(f"{entry.name!r} is no regular file")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{entry.name!r} leads out of the package")
    if size > MAX_UNPACKED_BYTES:
        raise ValueError(f"it is larger than the {MAX_UNPACKED_BYTES} bytes allowed")


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    # By hand, for the filters of tarfile came with Python 3.11.4, and Debian 12 has 3.11.2.
    path.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(entry) or io.BytesIO() as content, path.open("wb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(entry.mode & 0o755 | 0o600)


def sha256_of(file: Path) -> str:
    """Computes the SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def install(archives: Sequence[Path | str], target: Path) -> None:
    """Installs archives into a directory of the job's, unless an earlier run has installed the same.

    What they depend on is the environment's: TensorFlow in every job's directory would be of no use.

    Raises:
        JobFailed: pip could not; its last lines are in the message.
    """
    content = digest(list(map(Path, archives)))
    mark = target / _INSTALLED
    same = mark.is_file() and mark.read_text(encoding="ascii") == content
    # Archives that are gone are no others.
    if not archives or same or (target.exists() and not content):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    # Elsewhere until it is complete, and never where a pip was that was cut off.
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        partial = Path(temporary, target.name)
        with started([*command, str(partial), "--", *map(str, archives)]) as process:
            printed, _ = process.communicate()
        if process.returncode:
            lines = printed.strip().splitlines()[-_SHOWN_LINES:]
            raise JobFailed("the job's packages could not be installed:\n" + "\n".join(lines))
        (partial / _INSTALLED).write_text(content, encoding="ascii")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
