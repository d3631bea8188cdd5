"""Reads from its registry what an image is started with, as Katib does, and as the user may read there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hptune.errors import Fault, UsageError
from hptune.extras import install_command
from hptune.runtimes.image import Image

if TYPE_CHECKING:
    from oras.provider import Registry

# Of an image for several processors, which run the same: the first of these that it has, else any.
_ARCHITECTURES = ("amd64", "arm64")
_HUB = "index.docker.io"
_HUBS = ("docker.io", "registry-1.docker.io")
# Docker too speaks HTTP with these alone.
_THIS_MACHINE = re.compile(r"(?:localhost|127(?:\.\d+){3})(?::\d+)?")
_PATIENCE_S = 20
_MAX_CONFIG_BYTES = 4 * 2**20


def read_image(name: str, place: str) -> Image:
    """Reads an image's configuration; credentials are those that ``docker login`` keeps, or none.

    Args:
        name: The image, as Docker takes it.
        place: Where it is named, for messages.

    Raises:
        UsageError: It cannot be read.
    """
    address = full_name(name)
    try:
        import requests
    except ImportError:
        ways = f"{install_command('katib')} reads it from the registry, --command 'python task.py' says it"
        raise UsageError(Fault(place, f"what it runs is not known: {ways}")) from None
    try:
        return Image.of(_config(_registry(address.partition("/")[0]), address).get("config") or {})
    except (requests.RequestException, ValueError, LookupError, TypeError, AttributeError) as error:
        problem = f"what it runs could not be read from its registry: {_reason(error)}"
        ways = "--command 'python task.py' says it; docker login lets a private one be read"
        raise UsageError(Fault(place, f"{problem}; {ways}")) from error


def full_name(name: str) -> str:
    """Returns an image's name with the registry and the path that Docker gives it where it has none."""
    registry, slash, path = name.partition("/")
    if not slash or not (re.search(r"[.:]", registry) or registry == "localhost"):
        registry, path = _HUB, name
    registry = _HUB if registry in _HUBS else registry
    return f"{registry}/library/{path}" if registry == _HUB and "/" not in path else f"{registry}/{path}"


def _config(registry: Registry, address: str) -> dict[str, Any]:
    manifest = registry.get_manifest(address)
    if "manifests" in manifest:
        digest = _of_one_processor(manifest)
        manifest = registry.get_manifest(f"{re.sub(r'(@.*|:[^:/]*)$', '', address)}@{digest}")
    answer = registry.get_blob(address, manifest["config"]["digest"])
    answer.raise_for_status()
    if len(answer.content) > _MAX_CONFIG_BYTES:
        raise ValueError(f"its configuration has {len(answer.content)} bytes")
    config: dict[str, Any] = answer.json()
    return config


def _of_one_processor(index: Mapping[str, Any]) -> str:
    digests = {
        each["platform"]["architecture"]: each["digest"]
        for each in index["manifests"]
        if each.get("platform", {}).get("os") == "linux"
    }
    known = [digests[name] for name in _ARCHITECTURES if name in digests]
    found: str = (known or list(digests.values()))[0]
    return found


def _registry(host: str) -> Registry:
    from oras.provider import Registry
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

    class Patient(HTTPAdapter):  # type: ignore[misc]
        """Gives up on a registry that does not answer."""

        def send(self, request: PreparedRequest, *args: Any, **given: Any) -> Response:  # noqa: ANN401
            response: Response = super().send(request, *args, **{**given, "timeout": _PATIENCE_S})
            return response

    class Once(Registry):  # type: ignore[misc]
        """Asks once: the library asks for two minutes before it says that there is no such host."""

        do_request = Registry.do_request.__wrapped__

    registry = Once(insecure=_THIS_MACHINE.fullmatch(host) is not None)
    for scheme in ("http://", "https://"):
        registry.session.mount(scheme, Patient())
    return registry


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.ConnectionError):
        return "it cannot be reached"
    return " ".join(str(error).split()) or type(error).__name__
