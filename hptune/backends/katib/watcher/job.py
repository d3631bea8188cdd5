"""The Kubernetes Job that a watcher is: the step's own image, account, keys and volumes."""

from __future__ import annotations

from collections.abc import Sequence

from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.names import NAME_LABEL, OWN_NAME
from hptune.backends.katib.experiment.trial_job import NO_SIDECAR, POD_FAILURE_POLICY
from hptune.backends.katib.watcher.pod import own_container

COMMAND = ("python", "-P", "-m", "hptune.backends.katib.watcher")
WATCHER_LABEL = "hptune.dev/watcher-of"
"""Has the Experiment's name, on the Job and its pods."""

_CONTAINER = "watcher"
# Its log says why a job was cancelled, or could not be.
_KEPT_S = 3600
# Each attempt asks an unreachable server for minutes, and the pauses in between grow to six.
_ATTEMPTS = 20
_RESOURCES = {"requests": {"cpu": "10m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
# What is the same for another pod that writes to the same places.
_POD_FIELDS = (
    "serviceAccountName",
    "automountServiceAccountToken",
    "imagePullSecrets",
    "securityContext",
    "nodeSelector",
    "tolerations",
    "priorityClassName",
)
_CONTAINER_FIELDS = ("image", "imagePullPolicy", "envFrom", "securityContext")
_VOLUME_SOURCES = frozenset({"persistentVolumeClaim", "secret", "configMap", "nfs", "csi"})
# The words of those who started the step, to its own processes.
_FOREIGN_VARIABLES = ("ARGO_", "KFP_")


def watcher_job(name: str, experiment: str, pod: Object, arguments: Sequence[str]) -> Object:
    """Returns the Job that watches a pod.

    Args:
        name: The Job's name.
        experiment: The Experiment of the job that ends with the pod.
        pod: The pod, as the cluster has it.
        arguments: What the watcher is told.
    """
    labels = {NAME_LABEL: OWN_NAME, WATCHER_LABEL: experiment}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "backoffLimit": _ATTEMPTS,
            "ttlSecondsAfterFinished": _KEPT_S,
            "podFailurePolicy": POD_FAILURE_POLICY,
            "template": {
                "metadata": {"labels": {**labels, **NO_SIDECAR}},
                "spec": _pod_spec(pod, arguments),
            },
        },
    }


def _pod_spec(pod: Object, arguments: Sequence[str]) -> Object:
    spec, container = pod["spec"], own_container(pod)
    volumes = [each for each in spec.get("volumes") or () if _VOLUME_SOURCES & each.keys()]
    kept = {each["name"] for each in volumes}
    mounts = [each for each in container.get("volumeMounts") or () if each["name"] in kept]
    used = {each["name"] for each in mounts}
    return {
        **{field: spec[field] for field in _POD_FIELDS if spec.get(field) is not None},
        "restartPolicy": "Never",
        "containers": [
            {
                **{field: container[field] for field in _CONTAINER_FIELDS if container.get(field)},
                "name": _CONTAINER,
                "command": [*COMMAND, *arguments],
                "env": [each for each in container.get("env") or () if _is_to_keep(each)],
                "resources": _RESOURCES,
                "volumeMounts": mounts,
            }
        ],
        "volumes": [each for each in volumes if each["name"] in used],
    }


def _is_to_keep(variable: Object) -> bool:
    """Returns whether a variable says the same in another pod."""
    source = (variable.get("valueFrom") or {}).keys()
    foreign = variable["name"].startswith(_FOREIGN_VARIABLES)
    return not foreign and not source & {"fieldRef", "resourceFieldRef"}
