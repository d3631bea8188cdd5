"""Which task of its trial a pod is, and what its trainer's container is called."""

from __future__ import annotations

from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.trial_job import CONTAINER
from hptune.backends.katib.experiment.trial_tfjob import (
    JOB_ROLE_LABEL,
    MASTER_ROLE,
    REPLICA_INDEX_LABEL,
    REPLICA_TYPE_LABEL,
    TFJOB_CONTAINER,
)
from hptune.results.study import MASTER_TASK

CONTAINERS = (CONTAINER, TFJOB_CONTAINER)
"""What a trainer's container is called in a trial of one task, and of several."""


def task_name(pod: Object) -> str:
    """Returns the service's name for the task that a trial's pod is, as logs have it."""
    labels = pod["metadata"].get("labels") or {}
    role = labels.get(REPLICA_TYPE_LABEL)
    if role is None or labels.get(JOB_ROLE_LABEL) == MASTER_ROLE:
        return MASTER_TASK
    return f"{role}-replica-{labels.get(REPLICA_INDEX_LABEL, 0)}"


def container_name(pod: Object) -> str:
    """Returns the name of the container that a trial's pod runs its trainer in."""
    is_of_tfjob = REPLICA_TYPE_LABEL in (pod["metadata"].get("labels") or {})
    return TFJOB_CONTAINER if is_of_tfjob else CONTAINER
