"""A remote address, connected: the file system behind it, and what goes wrong there in words.

Credentials come from the environment alone, as each store's own tools find them; MinIO's may also be given as
MINIO_ACCESS_KEY and MINIO_SECRET_KEY. What an address holds of secrets (user names, passwords, query strings)
is left out of every message; the errors of the libraries below are not chained, since their text repeats it.
"""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import os
import re
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import fsspec

from hptune.errors import Fault, HptuneError, StorageError, UsageError
from hptune.extras import install_command
from hptune.retry import ONCE, Patience, status_may_pass

SCHEMES = "gs://, s3://, minio://, https://, file:// and plain paths"
CONNECT_TIMEOUT_S = 30.0

_Result = TypeVar("_Result")
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


class MissingError(UsageError):
    """An address names nothing."""


def is_remote(uri: str) -> bool:
    """Returns whether ``uri`` names something other than a local path."""
    return scheme_of(uri) not in ("", "file")


def redacted(uri: str) -> str:
    """Returns ``uri`` without what may be secret: user name, password, query string and fragment."""
    if not is_remote(uri):
        return uri
    without_user = re.sub(r"(?<=://)[^/?#]*@", "***@", uri)
    return re.sub(r"[?#].*", "?***", without_user, flags=re.DOTALL)


def scheme_of(uri: str) -> str:
    """Returns the scheme of an address, in small letters; empty for a plain path."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", uri)
    return match.group(1).lower() if match else ""


def refused(uri: str, problem: str) -> UsageError:
    """Makes the error for an address that cannot be used."""
    return UsageError(Fault(redacted(uri), problem))


@dataclass(frozen=True)
class Remote:
    """One remote address.

    Attributes:
        uri: The address.
        filesystem: fsspec's file system for it.
        path: The address's path in that file system.
        errors: What using them may raise.
        retries_itself: Whether the file system tries again by itself where the reason may pass.
    """

    uri: str
    filesystem: Any
    path: str
    errors: tuple[type[Exception], ...]
    retries_itself: bool

    def attempt(self, action: Callable[[], _Result], patience: Patience = ONCE) -> _Result:
        """Does ``action``, again where the reason may pass; what goes wrong is an error of ours."""
        retrying = patience.retrying(self._worth_another)
        try:
            return retrying(action)
        except self.errors as error:
            raise self._translated(error, retrying.statistics["attempt_number"]) from None

    def upload(self, file: Path, relative: str) -> None:
        """Writes one file at ``relative`` below the address, or at the address itself where it is empty."""
        self.filesystem.put_file(str(file), f"{self.path}/{relative}" if relative else self.path)

    def sizes(self) -> dict[str, int]:
        """Returns sizes in bytes by path below a bucket's address, the empty path for the address itself."""
        try:
            info = self.filesystem.info(self.path)
        except FileNotFoundError:
            return {}
        if info["type"] != "directory":
            return {"": info["size"]}
        found = self.filesystem.find(self.path, detail=True)
        prefix = f"{self.path}/"
        # A key that ends with a slash marks a directory.
        return {k.removeprefix(prefix): v["size"] for k, v in found.items() if k[len(prefix) :].strip("/")}

    def download_all(self, names: Collection[str], directory: Path) -> None:
        """Copies files below a bucket's address into a directory, several at a time."""
        targets = [directory / name for name in names]
        for folder in {target.parent for target in targets}:
            folder.mkdir(parents=True, exist_ok=True)
        self.filesystem.get([f"{self.path}/{name}" for name in names], [str(each) for each in targets])

    def _worth_another(self, error: BaseException) -> bool:
        # The buckets' libraries have tried several times before they raise; ours would multiply the waiting.
        if self.retries_itself:
            return isinstance(error, EOFError)
        return isinstance(error, self.errors) and _may_pass(error)

    def _translated(self, error: Exception, attempt: int) -> HptuneError:
        place = redacted(self.uri)
        if isinstance(error, FileNotFoundError) or _status(error) == 404:
            return MissingError(Fault(place, "no such file or bucket"))
        reason = _reason(error).replace(self.uri, place)
        return StorageError(f"{place}: {reason}" + (f" (after {attempt} attempts)" if attempt > 1 else ""))


def connect(uri: str, timeout_s: float) -> Remote:
    """Connects to what is behind an address; a bucket is not asked yet whether it is there.

    Args:
        uri: The address.
        timeout_s: How long a web server may be silent.

    Raises:
        UsageError: The address is not allowed, or needs a package that is not installed.
    """
    protocol = _PROTOCOLS.get(scheme_of(uri))
    if protocol is None:
        raise refused(uri, f"scheme {scheme_of(uri)!r} is not known; allowed: {SCHEMES}")
    if protocol == "http":
        _check_web(uri)
    elif not re.search(r"://[^/]+/.", uri):
        raise refused(uri, f"names no bucket or no file in it; allowed: {scheme_of(uri)}://bucket/key")
    options = _web_options(uri, timeout_s) if protocol == "http" else _bucket_options(uri)
    try:
        filesystem = fsspec.filesystem(protocol, skip_instance_cache=True, **options)
        foreign = [
            getattr(importlib.import_module(module), name) for module, name in _FOREIGN_ERRORS[protocol]
        ]
    except ImportError as error:
        command = install_command(_EXTRAS[protocol])
        raise refused(uri, f"needs a package that is missing ({error}): {command}") from error
    path = uri if protocol == "http" else uri.split("://", 1)[1]
    return Remote(uri, filesystem, path, (OSError, EOFError, ValueError, *foreign), protocol != "http")


def _check_web(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise refused(uri, f"not a web address: {error}") from None
    if not host:
        raise refused(uri, "not a web address: it names no host")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise refused(uri, "not encrypted; allowed: https://, or http:// on this machine")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _check_not_inside(target: str, named: str) -> None:
    """Refuses a redirect to this machine or its network, unless it leads to the host that the user named.

    A public server could have us read what only we can reach, such as a cloud's metadata.
    """
    host = urlsplit(target).hostname or ""
    if host == urlsplit(named).hostname:
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return  # Whoever connects reports it; behind a proxy there need be no names.
    addresses = {ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found}
    if inside := sorted(str(address) for address in addresses if not address.is_global):
        problem = (
            f"a redirect to {inside[0]}, an address that is not public; name it as the source if it is meant"
        )
        raise refused(target, problem)


def _web_options(uri: str, timeout_s: float) -> dict[str, Any]:
    import aiohttp  # Takes a third of a second, which only the web is worth.

    async def check_redirect(
        _session: object, _context: object, params: aiohttp.TraceRequestRedirectParams
    ) -> None:
        target = urljoin(str(params.url), params.response.headers.get("Location", ""))
        _check_web(target)
        await _check_not_inside(target, named=uri)

    redirects = aiohttp.TraceConfig()
    redirects.on_request_redirect.append(check_redirect)
    client = {
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=timeout_s),
        "trace_configs": [redirects],
        # A .gz that is marked as compressed in transit stays a .gz, as long as its Content-Length says.
        "auto_decompress": False,
        "headers": {"Accept-Encoding": "identity"},
        # Proxies reach the outside, not this machine.
        "trust_env": scheme_of(uri) == "https",
    }
    return {"client_kwargs": client}


def _bucket_options(uri: str) -> dict[str, Any]:
    if scheme_of(uri) != "minio":
        return {}
    endpoint = os.environ.get("MINIO_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL") or ""
    if scheme_of(endpoint) not in ("http", "https"):
        problem = f"MINIO_ENDPOINT is {redacted(endpoint)!r}; allowed: http://host:port or https://host:port"
        raise refused(uri, problem)
    options: dict[str, Any] = {"client_kwargs": {"endpoint_url": endpoint}}
    if "MINIO_ACCESS_KEY" in os.environ:
        options |= {"key": os.environ["MINIO_ACCESS_KEY"], "secret": os.environ.get("MINIO_SECRET_KEY", "")}
    return options


def _status(error: Exception) -> int | None:
    status = getattr(error, "status", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else None


def _may_pass(error: Exception) -> bool:
    status = _status(error)
    if status is not None:
        return status_may_pass(status)
    return not isinstance(error, _PERMANENT)


def _reason(error: Exception) -> str:
    status = _status(error)
    if status is not None:
        return f"the server answered {status} {getattr(error, 'message', '')}".rstrip()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
