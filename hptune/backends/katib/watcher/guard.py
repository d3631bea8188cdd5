"""Starts the watcher of the pod that this process runs in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.errors import ExistsError, NotThereError
from hptune.backends.katib.watcher.job import watcher_job
from hptune.backends.katib.watcher.pod import pod_name
from hptune.errors import ClusterError

_ID_BYTES = 4


@dataclass(frozen=True)
class Guard:
    """Ends jobs with a pod.

    Attributes:
        connect: Connects to the pod's namespace.
        pod: The pod's name.
    """

    connect: Callable[[], Cluster]
    pod: str

    @classmethod
    def of_this_pod(cls, connect: Callable[[], Cluster]) -> Guard | None:
        """Returns a guard of the pod that this process runs in; None where it runs in none."""
        name = pod_name()
        return cls(connect, name) if name else None

    def start(self, job_name: str, namespace: str, experiment: str) -> str:
        """Starts a watcher.

        Args:
            job_name: The job that is to end with the pod.
            namespace: Where the job is.
            experiment: The name of its Experiment, which need not be there yet.

        Returns:
            The watcher's name; it does nothing until the Experiment names it in `WATCHER_ANNOTATION`.

        Raises:
            ClusterError: The cluster cannot be asked, or does not know the pod.
            UsageError: The cluster refuses the watcher.
        """
        cluster = self.connect()
        try:
            pod = cluster.pod(self.pod)
        except NotThereError as error:
            hint = "set KFP_POD_NAME to the pod's name, from metadata.name of the downward API"
            raise ClusterError(f"{error}; {hint}") from None
        # Another one each time, for the last one counts where a pod watches twice.
        name = f"{experiment}-watcher-{secrets.token_hex(_ID_BYTES)}"
        arguments = [job_name, "--namespace", namespace, "--watcher", name]
        arguments += ["--pod", self.pod, "--uid", pod["metadata"]["uid"]]
        with suppress(ExistsError):
            cluster.create_job(watcher_job(name, experiment, pod, arguments))
        return name
