"""What is there of a job's name before the job is made."""

from __future__ import annotations

import time
from collections.abc import Callable

from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.errors import NotThereError
from hptune.backends.katib.cluster.watch import Object
from hptune.errors import ClusterError

# A pod that is deleted has two minutes to upload what its trainer wrote.
_DELETION_S = 180.0
_POLL_S = 1.0


def present_experiment(cluster: Cluster, name: str, place: str, tell: Callable[[str], None]) -> Object | None:
    """Returns the Experiment of a name; None where there is none, nor anything left of an earlier one.

    New trials may have the names of old ones: what the pods of those say must not count for them. So what is
    being deleted is waited for.

    Args:
        cluster: Where to look.
        name: The Experiment's.
        place: The job, for messages.
        tell: Told that something is waited for.

    Raises:
        ClusterError: What was deleted is still there after minutes.
    """
    deadline = time.monotonic() + _DELETION_S
    while True:
        try:
            present = cluster.experiment(name)
        except NotThereError:
            if not (cluster.trials(name) or cluster.pods(name)):
                return None
        else:
            if "deletionTimestamp" not in present["metadata"]:
                return present
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{place}: a job of this name was deleted, but trials or pods of it are still "
                f"there after {_DELETION_S:g} s; 'kubectl get trials,pods' shows them"
            )
        tell(f"{place}: waiting until the job of this name that was deleted is gone")
        time.sleep(_POLL_S)
