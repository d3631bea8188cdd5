"""What a trial's trainer needs on the disk of its pod before it starts, and what goes back when it has ended.

Trainers see local paths alone. An argument is fetched where it is, or is ``--flag=``, an address that exists:

- ``gs://``, ``s3://``, ``minio://``: a file, or a directory with all that is in it. What is larger than
  `MAX_INPUT_BYTES` or has more than `MAX_INPUT_FILES` stays an address, for the trainer to read piece by
  piece as it did on ML Engine. A file that the trainer changes or adds goes back to the address: it may be an
  output that an earlier job has written to as well.
- ``https://``: a file with an ending, such as ``.npz``; any other address may be that of a service.

All other addresses stay as they are, those that do not exist as outputs of the trainer's own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from hptune.errors import Fault, JobFailed, StorageError, UsageError
from hptune.job.submission import Program
from hptune.retry import UPLOAD, Patience
from hptune.storage import transfer
from hptune.storage.job_dir import JobDir, TrialDir
from hptune.storage.remote import MissingError, redacted
from hptune.trial.pod.packages import install, is_packed_directory, sha256_of, unpack_package

MAX_INPUT_BYTES = 16 * 1024**3
"""Limits one argument's files: a node has a disk for all that runs on it."""
MAX_INPUT_FILES = 10_000

_BUCKET_ARGUMENT = re.compile(r"(?P<flag>[\w.-]+=)?(?P<uri>(?:gs|s3|minio)://[^/]+/.+)", re.DOTALL)
_WEB_ARGUMENT = re.compile(
    r"(?P<flag>[\w.-]+=)?(?P<uri>https://[^/?#]+/[^?#]*\.[A-Za-z]\w*(?:[?#].*)?)", re.DOTALL
)
_CHECKSUM = re.compile(r"(?P<uri>[^#]+)#sha256=(?P<sha256>[0-9a-f]{64})", re.DOTALL)


@dataclass(frozen=True)
class Package:
    """An archive of Python packages.

    Attributes:
        uri: The archive's address.
        sha256: What it must have, in hexadecimal; None for whatever is there.
    """

    uri: str
    sha256: str | None

    @classmethod
    def parse(cls, text: str) -> Package:
        """Reads ``URI`` or ``URI#sha256=HEX``.

        Raises:
            UsageError: It is neither.
        """
        if "#" not in text:
            return cls(text, None)
        match = _CHECKSUM.fullmatch(text)
        if not match:
            raise UsageError(
                Fault("--package", f"{redacted(text)!r} is not URI or URI#sha256=HEX (64 digits)")
            )
        return cls(match["uri"], match["sha256"])


def add_packages(program: Program, packages: Sequence[Package], directory: Path) -> Program:
    """Puts packages where a program finds them.

    Args:
        program: The trainer.
        packages: The trainer's packages.
        directory: A new directory of the trial's.

    Returns:
        The program with the packages on its path.

    Raises:
        UsageError: An address is not allowed or names nothing.
        StorageError: A package cannot be fetched.
        JobFailed: One is not what it should be, or cannot be installed.
    """
    archives = [
        _fetch_package(package, directory / "archives" / str(number))
        for number, package in enumerate(packages, start=1)
    ]
    paths = []
    for number, archive in enumerate(archives, start=1):
        if is_packed_directory(archive):
            paths.append(directory / "unpacked" / str(number))
            unpack_package(archive, paths[-1])
    installed = directory / "installed"
    install([archive for archive in archives if not is_packed_directory(archive)], installed)
    paths += [installed] if installed.exists() else []
    return replace(program, python_path=(*map(str, paths), *program.python_path))


def _fetch_package(package: Package, directory: Path) -> Path:
    # pip reads the name.
    archive = directory / _name_of(package.uri)
    transfer.fetch(package.uri, archive)
    found = sha256_of(archive)
    if package.sha256 not in (None, found):
        place = redacted(package.uri)
        raise JobFailed(f"the package {place} was changed: its SHA-256 is {found}, not {package.sha256}")
    return archive


class Inputs:
    """The files that a trainer's arguments name, on the pod's disk while it runs."""

    def __init__(self, directory: Path) -> None:
        """Fetches nothing yet.

        Args:
            directory: Where the files are to be.
        """
        self._directory = directory
        self._fetched: dict[str, _Copy | None] = {}

    def localize(self, argument: str) -> str:
        """Returns the argument, with a local path for the address that it holds where that exists.

        Raises:
            UsageError: The address needs a package that is not installed.
            StorageError: It cannot be read.
        """
        for pattern, fetch in ((_BUCKET_ARGUMENT, self._fetch_stored), (_WEB_ARGUMENT, self._fetch_web)):
            if match := pattern.fullmatch(argument):
                path = self._once(match["uri"], fetch)
                return argument if path is None else f"{match['flag'] or ''}{path}"
        return argument

    def put_back(self) -> None:
        """Copies what the trainer has changed or added below a bucket's address to that address.

        Raises:
            UsageError: The address cannot be written to.
            StorageError: A file cannot be written.
        """
        for copy in filter(None, self._fetched.values()):
            for name in copy.changed():
                address = f"{copy.uri.rstrip('/')}/{name}" if name else copy.uri
                _print(f"the trainer has written {redacted(address)}")
                transfer.put(copy.path / name, address)

    def _once(self, uri: str, fetch: Callable[[str, Path], _Copy | None]) -> str | None:
        if uri not in self._fetched:
            self._fetched[uri] = fetch(uri, self._directory / str(len(self._fetched) + 1) / _name_of(uri))
        copy = self._fetched[uri]
        return f"{copy.path}{'/' if uri.endswith('/') else ''}" if copy else None

    def _fetch_stored(self, uri: str, path: Path) -> _Copy | None:
        sizes = transfer.bucket_files(uri)
        size = sum(sizes.values())
        if not sizes:
            return None
        place = redacted(uri)
        if size > MAX_INPUT_BYTES or len(sizes) > MAX_INPUT_FILES:
            most = f"more than {MAX_INPUT_BYTES} bytes or {MAX_INPUT_FILES} files"
            _print(f"{place} has {size} bytes in {len(sizes)} files, {most}: the trainer gets the address")
            return None
        _print(f"fetching {place}: {size} bytes in {len(sizes)} files")
        if "" in sizes:
            transfer.fetch(uri, path, max_bytes=MAX_INPUT_BYTES)
        else:
            transfer.fetch_files(uri, sizes, path)
        return _Copy.of(uri, path)

    def _fetch_web(self, uri: str, path: Path) -> _Copy | None:
        try:
            transfer.fetch(uri, path, max_bytes=MAX_INPUT_BYTES)
        except MissingError:
            return None
        _print(f"fetched {redacted(uri)}: {path.stat().st_size} bytes")
        return _Copy(uri, path, None)


@dataclass(frozen=True)
class _Copy:
    """A copy of what an address has.

    Attributes:
        uri: The address.
        path: The copy.
        files: Size and time of each file as it came; None where what changes cannot be put back.
    """

    uri: str
    path: Path
    files: dict[str, tuple[int, int]] | None

    @classmethod
    def of(cls, uri: str, path: Path) -> _Copy:
        """Remembers a copy as it now is."""
        return cls(uri, path, dict(_stamps(path)))

    def changed(self) -> list[str]:
        """Returns the paths of files that are new or not as they came; the empty one for the copy itself."""
        before = self.files
        return [] if before is None else [n for n, stamp in _stamps(self.path) if before.get(n) != stamp]


def _stamps(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    files: Iterable[Path] = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            status = file.stat()
            name = "" if file == path else file.relative_to(path).as_posix()
            yield name, (status.st_size, status.st_mtime_ns)


def upload(directory: TrialDir, trial_id: str, uri: str) -> None:
    """Copies what a trial has left to its place below a job's address; tries several times.

    What hptune knows of the trial comes first, for it is small, and the time may be short.

    Args:
        directory: The trial's paths.
        trial_id: The trial's number.
        uri: The job's address.

    Raises:
        UsageError: The address cannot be written to.
        StorageError: A file cannot be written.
    """
    place = JobDir(Path()).trial(trial_id)
    sources = [
        (directory.outcome, place.outcome),
        (directory.measurements, place.measurements),
        (directory.output, place.output),
        (directory.first_log, place.first_log),
        (directory.former_log, place.former_log),
        (directory.log, place.log),
    ]
    for source, target in sources:
        if source.exists():
            patiently(partial(transfer.put, source, f"{uri.rstrip('/')}/{target.as_posix()}"))


def patiently(action: Callable[[], None], patience: Patience = UPLOAD) -> None:
    """Does what writes to storage, again after a pause where it fails for a reason that may pass."""
    patience.retrying(_is_of_storage, tell=_tell_of_pause)(action)


def _is_of_storage(error: BaseException) -> bool:
    return isinstance(error, StorageError)


def _tell_of_pause(error: BaseException, pause_s: float) -> None:
    _print(f"{error}; trying again in {pause_s:g} s")


def _name_of(uri: str) -> str:
    path = urlsplit(uri).path if uri.startswith("https:") else uri
    name = PurePosixPath(unquote(path) if uri.startswith("https:") else path).name.replace("\0", "")
    return "input" if name in ("", "..") else name


def _print(message: str) -> None:
    print(f"hptune: {message}", file=sys.stderr, flush=True)
