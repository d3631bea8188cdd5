"""Files in buckets, on web servers and on this machine, behind one form of address.

    gs://bucket/key       Google Cloud Storage; needs hptune[gcs]
    s3://bucket/key       Amazon S3, or what AWS_ENDPOINT_URL names; needs hptune[s3]
    minio://bucket/key    S3 at MINIO_ENDPOINT (else AWS_ENDPOINT_URL); needs hptune[s3]
    https://host/path     read only; http:// only from this machine
    file:///path, path    a local file

`hptune.storage.remote` says where credentials come from, and what is kept out of messages.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fsspec.callbacks import Callback

from hptune.errors import Fault, StorageError, UsageError
from hptune.retry import WEB_SERVER, Patience
from hptune.storage.atomic import replacing
from hptune.storage.remote import (
    CONNECT_TIMEOUT_S,
    SCHEMES,
    Remote,
    connect,
    is_remote,
    redacted,
    refused,
    scheme_of,
)

__all__ = [
    "MAX_BYTES",
    "SCHEMES",
    "Progress",
    "atomic_file",
    "bucket_files",
    "fetch",
    "fetch_files",
    "is_remote",
    "local_path",
    "put",
    "redacted",
]

Progress = Callable[[int, int | None], None]
"""Called with the bytes done, and those in total where they are known; not always in the caller's thread."""

MAX_BYTES = 2 * 1024**3

_CHUNK_BYTES = 1024**2


def local_path(uri: str) -> Path:
    """Returns the path that a plain path or a ``file://`` URI names.

    Raises:
        UsageError: A ``file://`` URI names another host.
    """
    if not scheme_of(uri):
        return Path(uri)
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(Fault(uri, f"a file on host {parts.netloc!r}; allowed: file:///absolute/path"))
    return Path(url2pathname(parts.path))


@contextmanager
def atomic_file(destination: Path) -> Iterator[Path]:
    """Yields the path of a new file that takes the place of ``destination``, whole and synced, on success.

    Raises:
        StorageError: The file cannot be written; ``destination`` is as it was.
    """
    try:
        with replacing(destination) as temporary:
            yield temporary
    except OSError as error:
        raise StorageError(f"{destination}: cannot be written: {error.strerror or error}") from error


def fetch(
    uri: str,
    destination: Path,
    *,
    progress: Progress | None = None,
    patience: Patience = WEB_SERVER,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = 60.0,
) -> None:
    """Copies one file to ``destination``, which is replaced only by a whole file.

    Args:
        uri: Where from, see the module's text.
        destination: Where to; missing parent directories are made.
        progress: Told how far the copy is; starts again from 0 with each attempt.
        patience: How often to try a web server where the reason may pass (lost connections, time-outs, server
            errors), and a bucket where a file came short; for the rest the buckets' libraries try again.
        max_bytes: The largest file accepted.
        timeout_s: How long a web server may be silent.

    Raises:
        UsageError: The address is not allowed, names nothing, or needs a package that is not installed.
        StorageError: The file cannot be read or written, or is too large.
    """
    meter = _Meter(redacted(uri), progress, max_bytes)
    if is_remote(uri):
        remote = connect(uri, timeout_s)
        with atomic_file(destination) as temporary:
            remote.attempt(lambda: _download(remote, temporary, meter), patience)
    else:
        source = _regular_file(uri)
        with atomic_file(destination) as temporary:
            _copy(source, temporary, meter)


def bucket_files(uri: str) -> dict[str, int]:
    """Lists a bucket's files at an address: by path below the address, each one's size in bytes.

    Returns:
        One entry, of the empty path, for a file; one for each file of a directory; none for nothing.

    Raises:
        UsageError: The address is not allowed, or needs a package that is not installed.
        StorageError: The bucket cannot be read, or has a file whose name leads out of the directory.
    """
    remote = connect(uri.rstrip("/"), CONNECT_TIMEOUT_S)
    sizes = remote.attempt(remote.sizes)
    for name in sizes:
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            raise StorageError(f"{redacted(uri)}: has a file {name!r}, which would lie outside of it")
    return sizes


def fetch_files(uri: str, sizes: Mapping[str, int], directory: Path) -> None:
    """Copies files below a bucket's address, several at a time.

    Args:
        uri: The address.
        sizes: The files, as `bucket_files` gives them.
        directory: Where to; made where it is missing.

    Raises:
        UsageError: The address is not allowed, or needs a package that is not installed.
        StorageError: A file cannot be read or written, or came short.
    """
    remote = connect(uri.rstrip("/"), CONNECT_TIMEOUT_S)
    directory.mkdir(parents=True, exist_ok=True)
    remote.attempt(lambda: remote.download_all(sizes, directory))
    for name, size in sizes.items():
        if (directory / name).stat().st_size != size:
            came = (directory / name).stat().st_size
            raise StorageError(f"{redacted(uri)}: {came} bytes came of {size} of {name!r}")


def put(source: Path, uri: str) -> None:
    """Copies a file, or every file below a directory, to ``uri`` (the file's or the directory's new address).

    Empty directories are left out, since buckets have none, and links to directories are not followed.

    Args:
        source: What to copy.
        uri: Where to: a bucket, a ``file://`` URI or a plain path.

    Raises:
        UsageError: ``source`` does not exist, or the address is not allowed or cannot be written to.
        StorageError: A file cannot be read or written.
    """
    if scheme_of(uri) in ("http", "https"):
        raise refused(uri, "web servers are read only here; allowed: a bucket, file://, a path")
    files = _files_below(source)
    if not is_remote(uri):
        target = local_path(uri)
        for file, relative in files:
            fetch(str(file), target / relative)
        return
    remote = connect(uri.rstrip("/"), CONNECT_TIMEOUT_S)
    for file, relative in files:
        remote.attempt(partial(remote.upload, file, relative))


class _Meter(Callback):  # type: ignore[misc]
    """Follows one transfer: tells the progress and stops what grows too large."""

    def __init__(self, place: str, progress: Progress | None, max_bytes: int) -> None:
        super().__init__()
        self._place = place
        self._progress = progress
        self._max_bytes = max_bytes

    def call(self, *_args: object, **_kwargs: object) -> None:
        """Takes note of a new size or place; fsspec calls it."""
        if max(self.value, self.size or 0) > self._max_bytes:
            raise StorageError(f"{self._place}: larger than the {self._max_bytes} bytes allowed")
        if self._progress is not None:
            self._progress(self.value, self.size)

    def restart(self) -> None:
        """Goes back to the beginning, for another attempt."""
        self.size, self.value = None, 0


def _download(remote: Remote, temporary: Path, meter: _Meter) -> None:
    meter.restart()
    remote.filesystem.get_file(remote.path, str(temporary), callback=meter)
    size = temporary.stat().st_size
    if meter.size is not None and size != meter.size:
        raise EOFError(f"{size} bytes came of {meter.size}")


def _copy(source: Path, temporary: Path, meter: _Meter) -> None:
    meter.set_size(source.stat().st_size)
    with source.open("rb") as reader, temporary.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            meter.relative_update(len(chunk))


def _regular_file(uri: str) -> Path:
    path = local_path(uri)
    if not path.exists():
        raise UsageError(Fault(uri, "no such file"))
    if not path.is_file():
        raise UsageError(Fault(uri, "not a regular file"))
    if not os.access(path, os.R_OK):
        raise StorageError(f"{uri}: cannot be read: permission denied")
    return path


def _files_below(source: Path) -> list[tuple[Path, str]]:
    if source.is_dir():
        return [
            (file, file.relative_to(source).as_posix())
            for file in sorted(source.rglob("*"))
            if file.is_file()
        ]
    return [(_regular_file(str(source)), "")]
