"""What is known of the pod that a job is watched from."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hptune.backends.katib.cluster.watch import Object

# Argo Workflows' name for the container of a step.
_ARGO_MAIN = "main"
# Set when the step is over for Argo, which may have lost sight of a pod that still runs.
_ARGO_COMPLETED = "workflows.argoproj.io/completed"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
# 128 and the signal's number; 130 is what a program of ours that was interrupted ends with.
_STOPPED_CODES = frozenset({130, 137, 143})
_STOPPED_GRACE_S = 20.0
_LOST_GRACE_S = 300.0


def pod_name(environment: Mapping[str, str] = os.environ) -> str | None:
    """Returns the name of the pod that this process runs in; None where it runs in none."""
    if name := environment.get("KFP_POD_NAME"):
        return name
    # As Kubernetes names the host, unless the pod has its node's network.
    return environment.get("HOSTNAME") if "KUBERNETES_SERVICE_HOST" in environment else None


def own_container(pod: Object) -> Object:
    """Returns the container of a pod that its user's program runs in, of its specification."""
    containers: list[Object] = pod["spec"]["containers"]
    names = (_ARGO_MAIN, (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER))
    return next((each for each in containers if each["name"] in names), containers[0])


def has_ended(pod: Object) -> bool:
    """Returns whether a pod's own container, not its sidecars, has ended for good, or Argo has left it."""
    if pod["status"].get("phase") in ("Succeeded", "Failed") or _is_given_up(pod):
        return True
    return pod["spec"].get("restartPolicy") == "Never" and bool(_terminated(pod))


def grace_s(pod: Object | None) -> float:
    """Returns how long to wait for another pod to take the job up when this one has ended, in seconds.

    Whoever was told to stop is not tried again. What was lost with its node, or failed, may be.

    Args:
        pod: As it was last seen; None where it never was.
    """
    if pod is None or _is_disrupted(pod):
        return _LOST_GRACE_S
    if ended := _terminated(pod):
        stopped = ended.get("exitCode") in _STOPPED_CODES and ended.get("reason") != "OOMKilled"
    else:
        stopped = "deletionTimestamp" in pod["metadata"] or _is_given_up(pod)
    return _STOPPED_GRACE_S if stopped else _LOST_GRACE_S


def _is_given_up(pod: Object) -> bool:
    return (pod["metadata"].get("labels") or {}).get(_ARGO_COMPLETED) == "true"


def _is_disrupted(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or ()
    marked = any(each["type"] == "DisruptionTarget" and each["status"] == "True" for each in conditions)
    # A reason of the pod's own: Evicted, NodeShutdown, NodeLost.
    return marked or bool(pod["status"].get("reason"))


def _terminated(pod: Object) -> Object:
    name = own_container(pod)["name"]
    statuses = pod["status"].get("containerStatuses") or ()
    state: Object = next((each.get("state") or {} for each in statuses if each["name"] == name), {})
    return state.get("terminated") or {}
