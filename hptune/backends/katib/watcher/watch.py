"""Looks at a pod and at a job until one of them has ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from hptune.backends.katib.backend import KatibBackend
from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.errors import NotThereError
from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.annotations import read_watcher
from hptune.backends.katib.status import View
from hptune.backends.katib.watcher.pod import grace_s, has_ended

# From the making of the watcher to that of the Experiment, the data's upload not included.
_STARTING_S = 600.0


class PodWatch:
    """Ends a job when the pod that watches it has ended before it.

    Args:
        backend: The job's backend.
        cluster: The cluster that the job runs in.
        pod: Asks for the pod.
        uid: The pod's; a later pod of its name is another one.
        watcher: This watcher's name. Only the watcher that the Experiment names may end the job.
        poll_s: How often to look.
        patience: Multiplies how long others are waited for.
    """

    def __init__(
        self,
        backend: KatibBackend,
        cluster: Cluster,
        pod: Callable[[], Object],
        uid: str,
        watcher: str,
        *,
        poll_s: float,
        patience: float,
    ) -> None:
        self._backend = backend
        self._cluster = cluster
        self._pod = pod
        self._uid = uid
        self._watcher = watcher
        self._poll_s = poll_s
        self._patience = patience
        self._last_pod: Object | None = None
        self._gone_at = float("inf")
        self._is_named = False

    def run(self) -> str:
        """Watches until there is nothing left to watch; returns why, in words.

        Raises:
            ClusterError: The cluster cannot be asked.
            InputError: The job cannot be cancelled.
            StorageError: What is known of the job cannot be written; it goes on.
        """
        give_up_at = time.monotonic() + _STARTING_S * self._patience
        while True:
            # In this order: who takes the job up does it before the pod that had it is looked at.
            gone = self._pod_is_gone()
            experiment = self._experiment()
            named = experiment is not None and read_watcher(experiment) == self._watcher
            self._is_named = self._is_named or named
            if experiment and named and not self._has_work(experiment):
                return "the job has ended"
            if not named and (self._is_named or gone or time.monotonic() > give_up_at):
                known = self._is_named or experiment is not None
                return "the job is gone, or somebody else watches it" if known else "there is no job"
            if gone:
                return self._backend.wind_up()
            time.sleep(self._poll_s)

    def _experiment(self) -> Object | None:
        try:
            found = self._cluster.experiment(self._backend.experiment)
        except NotThereError:
            return None
        return None if "deletionTimestamp" in found["metadata"] else found

    def _has_work(self, experiment: Object) -> bool:
        """Returns whether trials of the job run, or may begin."""
        if not View(experiment, ()).ended:
            return True
        return bool(View(experiment, self._cluster.trials(self._backend.experiment)).unfinished)

    def _pod_is_gone(self) -> bool:
        """Returns whether the pod has ended, and for so long that no other one will take the job up."""
        if not self._has_ended():
            self._gone_at = float("inf")
            return False
        grace = grace_s(self._last_pod)
        self._gone_at = min(self._gone_at, time.monotonic() + grace * self._patience)
        return time.monotonic() >= self._gone_at

    def _has_ended(self) -> bool:
        try:
            pod = self._pod()
        except NotThereError:
            return True
        if pod["metadata"]["uid"] != self._uid:
            return True
        self._last_pod = pod
        return has_ended(pod)
