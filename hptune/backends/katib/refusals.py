"""What a Kubernetes API server answers when it refuses, said so that a person can act on it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hptune.errors import ClusterError, Fault, UsageError

INJECTION_LABEL = "katib.kubeflow.org/metrics-collector-injection"
_INSTALL_KATIB = "install Katib (docs/katib.md says how)"
# A webhook of Katib's refused the object itself; whoever asked had the right to.
_DENIED = re.compile(r'admission webhook "[^"]*" denied the request: (?P<reason>.*)', re.DOTALL)


class NotThereError(ClusterError):
    """The named object does not exist."""


class ExistsError(ClusterError):
    """An object of the name exists already."""


class ConflictError(ClusterError):
    """Somebody changed the object since it was read."""


class ExpiredError(ClusterError):
    """The server does not remember so old a version; what there is must be listed again."""


@dataclass(frozen=True)
class Resource:
    """A kind of object.

    Attributes:
        group: Its API group; empty for Kubernetes' own first one.
        version: Of the group.
        plural: Its name in addresses and in roles.
    """

    group: str
    version: str
    plural: str

    @property
    def root(self) -> str:
        """Where addresses of the group begin."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True)
class Call:
    """One question to the server.

    Attributes:
        verb: Kubernetes' word for it, as roles have it.
        resource: Of what.
        namespace: Where.
        name: Which; empty for all.
        part: A part of the object with a right of its own, such as ``log``.
    """

    verb: str
    resource: Resource
    namespace: str
    name: str = ""
    part: str = ""

    def __str__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        part = f" ({self.part})" if self.part else ""
        return f"{self.verb} {self.resource}{name}{part} in namespace {self.namespace!r}"

    @property
    def rule(self) -> str:
        """The rule of a Role that allows it."""
        resource = f"{self.resource.plural}/{self.part}" if self.part else self.resource.plural
        group, verb = json.dumps([self.resource.group]), json.dumps([self.verb])
        return f"apiGroups: {group}, resources: {json.dumps([resource])}, verbs: {verb}"


def refusal(call: Call, status: int, body: bytes | str | None) -> ClusterError | UsageError:
    """The error that an answer stands for.

    Args:
        call: What was asked.
        status: The answer's HTTP status.
        body: Its body, a ``Status`` object as a rule.
    """
    answer = _status_object(body)
    message = str(answer.get("message") or "").strip()
    if denied := _DENIED.search(message):
        return _denied(call, denied["reason"].strip())
    if status == 401:
        return ClusterError(
            f"{call}: the cluster does not know who asks; log in again, or name a --context that may"
        )
    if status == 403:
        return ClusterError(f"{call}: is forbidden; a Role must allow {call.rule}{_quoted(message)}")
    if status == 404:
        return _not_found(call, answer)
    if status == 409:
        kind = ExistsError if answer.get("reason") == "AlreadyExists" else ConflictError
        return kind(f"{call}: {message or 'conflict'}")
    if status == 410:
        return ExpiredError(f"{call}: {message or 'expired'}")
    if status in (400, 422):
        return UsageError(Fault(str(call), f"is refused by the cluster: {message or status}"))
    return ClusterError(f"{call}: the cluster answered {status}{_quoted(message)}")


def _denied(call: Call, reason: str) -> UsageError:
    if INJECTION_LABEL in reason:
        command = f"kubectl label namespace {call.namespace} {INJECTION_LABEL}=enabled --overwrite"
        return UsageError(
            Fault(f"namespace {call.namespace!r}", f"lacks the label that Katib works by; run: {command}")
        )
    return UsageError(Fault(str(call), f"is refused by Katib: {reason}"))


def _not_found(call: Call, answer: dict[str, Any]) -> ClusterError | UsageError:
    details = answer.get("details")
    details = details if isinstance(details, dict) else {}
    if details.get("kind") == "namespaces":
        return UsageError(Fault("--namespace", f"there is no namespace {call.namespace!r} in the cluster"))
    if details.get("name"):
        return NotThereError(f"{call}: there is none")
    if call.resource.group:
        return ClusterError(f"{call}: the cluster has no {call.resource}; {_INSTALL_KATIB}")
    return ClusterError(f"{call}: the server answered 404; is this the address of a Kubernetes cluster?")


def _status_object(body: bytes | str | None) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        # A proxy in between answers in HTML or plain text.
        return {}
    return content if isinstance(content, dict) else {}


def _quoted(message: str) -> str:
    return f" ({message})" if message else ""
