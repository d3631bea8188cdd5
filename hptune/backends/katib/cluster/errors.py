"""What a Kubernetes API server answers when it refuses, said so that a person can act on it."""

from __future__ import annotations

import json
import re
from typing import Any

from hptune.backends.katib.cluster.api_call import Call
from hptune.backends.katib.experiment.names import INJECTION_LABEL
from hptune.errors import ClusterError, Fault, UsageError

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


def refusal(call: Call, status: int, body: bytes | str | None) -> ClusterError | UsageError:
    """Makes the error that an answer stands for.

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
