"""Files in buckets, on web servers and on this machine, behind one form of address.

    gs://bucket/key       Google Cloud Storage; needs hptune[gcs]
    s3://bucket/key       Amazon S3, or what AWS_ENDPOINT_URL names; needs hptune[s3]
    minio://bucket/key    S3 at MINIO_ENDPOINT (else AWS_ENDPOINT_URL); needs hptune[s3]
    https://host/path     read only; http:// only from this machine
    file:///path, path    a local file

Credentials come from the environment alone, as each store's own tools find them; MinIO's may also be given as
MINIO_ACCESS_KEY and MINIO_SECRET_KEY. What an address holds of secrets (user names, passwords, query strings)
is left out of every message; the errors of the libraries below are not chained, since their text repeats it.
"""

from __future__ import annotations

import importlib
import ipaddress
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import fsspec
from fsspec.callbacks import Callback

from hptune.atomic import replacing
from hptune.errors import Fault, HptuneError, StorageError, UsageError

Progress = Callable[[int, int | None], None]
"""Called with the bytes done, and those in total where they are known; not always in the caller's thread."""

MAX_BYTES = 2 * 1024**3
SCHEMES = "gs://, s3://, minio://, https://, file:// and plain paths"

_CHUNK_BYTES = 1024**2
_CONNECT_TIMEOUT_S = 30.0
_PROTOCOLS = {"gs": "gs", "s3": "s3", "minio": "s3", "https": "http", "http": "http"}
_EXTRAS = {"gs": "gcs", "s3": "s3", "http": "http"}
# By name, because only the library of the scheme in use is certain to be there.
_FOREIGN_ERRORS = {
    "gs": (("gcsfs.retry", "HttpError"), ("google.auth.exceptions", "GoogleAuthError")),
    "s3": (("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError")),
    "http": (("aiohttp", "ClientError"),),
}
_PERMANENT = (
    FileNotFoundError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    ssl.CertificateError,
    ValueError,
)


def is_remote(uri: str) -> bool:
    """Whether ``uri`` names something other than a local path."""
    return _scheme(uri) not in ("", "file")


def local_path(uri: str) -> Path:
    """Path that a plain path or a ``file://`` URI names.

    Raises:
        UsageError: A ``file://`` URI names another host.
    """
    if not _scheme(uri):
        return Path(uri)
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(Fault(uri, f"a file on host {parts.netloc!r}; allowed: file:///absolute/path"))
    return Path(url2pathname(parts.path))


def redacted(uri: str) -> str:
    """``uri`` without what may be secret: user name, password, query string and fragment."""
    if not is_remote(uri):
        return uri
    without_user = re.sub(r"(?<=://)[^/?#]*@", "***@", uri)
    return re.sub(r"[?#].*", "?***", without_user, flags=re.DOTALL)


@contextmanager
def atomic_file(destination: Path) -> Iterator[Path]:
    """Path of a new file beside ``destination`` that takes its place, whole and synced, if the body succeeds.

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
    attempts: int = 4,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = 60.0,
    first_pause_s: float = 0.5,
) -> None:
    """Copies one file to ``destination``, which is replaced only by a whole file.

    Args:
        uri: Where from, see the module's text.
        destination: Where to; missing parent directories are made.
        progress: Told how far the copy is; starts again from 0 with each attempt.
        attempts: How often to try a web server where the reason may pass (lost connections, time-outs, server
            errors), and a bucket where a file came short; for the rest the buckets' libraries try again.
        max_bytes: The largest file accepted.
        timeout_s: How long a web server may be silent.
        first_pause_s: Pause after the first failed attempt; it doubles with each further one.

    Raises:
        UsageError: The address is not allowed, names nothing, or needs a package that is not installed.
        StorageError: The file cannot be read or written, or is too large.
    """
    meter = _Meter(redacted(uri), progress, max_bytes)
    if is_remote(uri):
        remote = _connect(uri, timeout_s)
        with atomic_file(destination) as temporary:
            remote.attempt(lambda: _download(remote, temporary, meter), attempts, first_pause_s)
    else:
        source = _regular_file(uri)
        with atomic_file(destination) as temporary:
            _copy(source, temporary, meter)


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
    if _scheme(uri) in ("http", "https"):
        raise _refused(uri, "web servers are read only here; allowed: a bucket, file://, a path")
    files = _files_below(source)
    if not is_remote(uri):
        target = local_path(uri)
        for file, relative in files:
            fetch(str(file), target / relative)
        return
    remote = _connect(uri.rstrip("/"), _CONNECT_TIMEOUT_S)
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
        """Called by fsspec whenever the size or the place reached is news."""
        if max(self.value, self.size or 0) > self._max_bytes:
            raise StorageError(f"{self._place}: larger than the {self._max_bytes} bytes allowed")
        if self._progress is not None:
            self._progress(self.value, self.size)

    def restart(self) -> None:
        """Back to the beginning, for another attempt."""
        self.size, self.value = None, 0


@dataclass(frozen=True)
class _Remote:
    """One remote address: the file system, the path in it, and what may be raised by using them."""

    uri: str
    filesystem: Any
    path: str
    errors: tuple[type[Exception], ...]
    retries_itself: bool

    def attempt(self, action: Callable[[], None], attempts: int = 1, first_pause_s: float = 0) -> None:
        """Does ``action`` until it succeeds, the attempts are used up or trying again is of no use."""
        for attempt in range(1, attempts + 1):
            try:
                return action()
            except HptuneError:
                raise
            except self.errors as error:
                if attempt == attempts or not self._worth_another(error):
                    raise self._translated(error, attempt) from None
            time.sleep(first_pause_s * 2 ** (attempt - 1))
        raise ValueError(f"attempts is {attempts}; allowed: 1 or more")

    def upload(self, file: Path, relative: str) -> None:
        """Writes one file at ``relative`` below the address, or at the address itself where it is empty."""
        self.filesystem.put_file(str(file), f"{self.path}/{relative}" if relative else self.path)

    def _worth_another(self, error: Exception) -> bool:
        # The buckets' libraries have tried several times before they raise; ours would multiply the waiting.
        return isinstance(error, EOFError) if self.retries_itself else _may_pass(error)

    def _translated(self, error: Exception, attempt: int) -> HptuneError:
        place = redacted(self.uri)
        if isinstance(error, FileNotFoundError) or _status(error) == 404:
            return UsageError(Fault(place, "no such file or bucket"))
        reason = _reason(error).replace(self.uri, place)
        return StorageError(f"{place}: {reason}" + (f" (after {attempt} attempts)" if attempt > 1 else ""))


def _refused(uri: str, problem: str) -> UsageError:
    return UsageError(Fault(redacted(uri), problem))


def _scheme(uri: str) -> str:
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", uri)
    return match.group(1).lower() if match else ""


def _connect(uri: str, timeout_s: float) -> _Remote:
    protocol = _PROTOCOLS.get(_scheme(uri))
    if protocol is None:
        raise _refused(uri, f"scheme {_scheme(uri)!r} is not known; allowed: {SCHEMES}")
    if protocol == "http":
        _check_web(uri)
    elif not re.search(r"://[^/]+/.", uri):
        raise _refused(uri, f"names no bucket or no file in it; allowed: {_scheme(uri)}://bucket/key")
    options = _web_options(uri, timeout_s) if protocol == "http" else _bucket_options(uri)
    try:
        filesystem = fsspec.filesystem(protocol, skip_instance_cache=True, **options)
        foreign = [
            getattr(importlib.import_module(module), name) for module, name in _FOREIGN_ERRORS[protocol]
        ]
    except ImportError as error:
        command = f"pip install 'hptune[{_EXTRAS[protocol]}]'"
        raise _refused(uri, f"needs a package that is missing ({error}): {command}") from error
    path = uri if protocol == "http" else uri.split("://", 1)[1]
    return _Remote(uri, filesystem, path, (OSError, EOFError, ValueError, *foreign), protocol != "http")


def _check_web(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(uri, f"not a web address: {error}") from None
    if not host:
        raise _refused(uri, "not a web address: it names no host")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise _refused(uri, "not encrypted; allowed: https://, or http:// on this machine")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _web_options(uri: str, timeout_s: float) -> dict[str, Any]:
    import aiohttp  # Takes a third of a second, which only the web is worth.

    async def check_redirect(
        _session: object, _context: object, params: aiohttp.TraceRequestRedirectParams
    ) -> None:
        _check_web(urljoin(str(params.url), params.response.headers.get("Location", "")))

    redirects = aiohttp.TraceConfig()
    redirects.on_request_redirect.append(check_redirect)
    client = {
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S, sock_read=timeout_s),
        "trace_configs": [redirects],
        # A .gz that is marked as compressed in transit stays a .gz, as long as its Content-Length says.
        "auto_decompress": False,
        "headers": {"Accept-Encoding": "identity"},
        # Proxies reach the outside, not this machine.
        "trust_env": _scheme(uri) == "https",
    }
    return {"client_kwargs": client}


def _bucket_options(uri: str) -> dict[str, Any]:
    if _scheme(uri) != "minio":
        return {}
    endpoint = os.environ.get("MINIO_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL") or ""
    if _scheme(endpoint) not in ("http", "https"):
        problem = f"MINIO_ENDPOINT is {redacted(endpoint)!r}; allowed: http://host:port or https://host:port"
        raise _refused(uri, problem)
    options: dict[str, Any] = {"client_kwargs": {"endpoint_url": endpoint}}
    if "MINIO_ACCESS_KEY" in os.environ:
        options |= {"key": os.environ["MINIO_ACCESS_KEY"], "secret": os.environ.get("MINIO_SECRET_KEY", "")}
    return options


def _download(remote: _Remote, temporary: Path, meter: _Meter) -> None:
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


def _status(error: Exception) -> int | None:
    status = getattr(error, "status", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else None


def _may_pass(error: Exception) -> bool:
    status = _status(error)
    if status is not None:
        return status in (408, 429) or status >= 500
    return not isinstance(error, _PERMANENT)


def _reason(error: Exception) -> str:
    status = _status(error)
    if status is not None:
        return f"the server answered {status} {getattr(error, 'message', '')}".rstrip()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
