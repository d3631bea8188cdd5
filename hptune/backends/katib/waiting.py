"""Tells why a job in a cluster waits: for what its pods do, and what its suggestion service complains of.

None of this fails an Experiment. A pod that asks for GPUs that no node has waits for ever, and Katib asks a
suggestion service that answers with errors again and again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.names import SUGGESTION_LABEL, TRIAL_LABEL
from hptune.backends.katib.shortage import Nodes, explain_shortage
from hptune.backends.katib.status import View
from hptune.backends.katib.tasks import task_name
from hptune.results.study import MASTER_TASK

Events = Callable[[str, str], Sequence[Object]]
"""What the cluster noted about the object of a kind and a name, oldest first."""

# A container that waits for one of these waits as it should.
_USUAL = frozenset({"ContainerCreating", "PodInitializing"})
_NO_NODE = "no node for its pod: "
# Two controllers wrote to one object at once, or made it; the slower one does it again at once.
_CONFLICTS = ("the object has been modified", "already exists")


def troubles(view: View, events: Events, nodes: Nodes) -> Iterator[str]:
    """Yields what a person should know about a job that has not ended, in words.

    Args:
        view: The job.
        events: Asked only where the objects themselves do not say why they wait.
        nodes: Asked only where a trial asks for more than a node has free.
    """
    numbers = view.numbers()
    for pod in view.pods:
        labels = pod["metadata"].get("labels", {})
        # A trial may have been made since the trials were listed.
        number = numbers.get(labels.get(TRIAL_LABEL))
        task = "" if task_name(pod) == MASTER_TASK else f", {task_name(pod)},"
        trial = f"trial {number}{task}" if number else ""
        who = "the suggestion service" if SUGGESTION_LABEL in labels else trial
        if who and pod["status"].get("phase") == "Pending" and (reason := _why_pending(pod, events)):
            if number and (shortage := explain_shortage(reason, pod, view.experiment, nodes)):
                reason = f"{reason.rstrip('.')}; {shortage}"
            yield f"{who} waits: {reason}"
    for name in view.unfinished:
        if view.pod_of(name) is None and (reason := _last_warning(events("Job", name))):
            yield f"trial {numbers[name]} has no pod: {reason}"
    if not view.unfinished:
        experiment = view.experiment["metadata"]["name"]
        for kind in ("Suggestion", "Experiment"):
            if reason := _last_warning(events(kind, experiment)):
                yield f"no trial is suggested: {reason}"


def _job_kind(view: View) -> str:
    """Returns the kind of the object that makes a trial's pods."""
    template = view.experiment.get("spec", {}).get("trialTemplate", {})
    return str(template.get("trialSpec", {}).get("kind", "Job"))


class Notices:
    """Tells a person each thing once, and of troubles only those that last.

    Args:
        warn: Told what a person should know.
        lasting_s: How long a trouble must have been seen, at every look, before it is told.
    """

    def __init__(self, warn: Callable[[str], None], lasting_s: float) -> None:
        self._warn = warn
        self._lasting_s = lasting_s
        self._told: set[str] = set()
        self._since: dict[str, float] = {}

    def tell(self, message: str) -> None:
        """Says something unless it, or what differs from it in numbers alone, has been said."""
        key = _same(message)
        if key not in self._told:
            self._told.add(key)
            self._warn(message)

    def tell_lasting(self, seen: Iterable[str]) -> None:
        """Takes the troubles of one look at a job."""
        now = time.monotonic()
        present = {_same(trouble): trouble for trouble in seen}
        self._since = {key: self._since.get(key, now) for key in present}
        for key, trouble in present.items():
            if now - self._since[key] >= self._lasting_s:
                self.tell(trouble)


def _same(text: str) -> str:
    """Returns a message without what changes from one look to the next: counts, times, ids."""
    return re.sub(r"[0-9]+", "#", text)


def _why_pending(pod: Object, events: Events) -> str:
    status = pod["status"]
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason", "ContainerCreating") not in _USUAL:
            return f"{waiting['reason']}: {waiting.get('message', container.get('image', ''))}"
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return f"{_NO_NODE}{condition.get('message', '')}"
    # The scheduler's event comes a moment before its condition, with the same words.
    return _last_warning(events("Pod", pod["metadata"]["name"])).replace("FailedScheduling: ", _NO_NODE, 1)


def _last_warning(events: Sequence[Object]) -> str:
    warnings = [
        f"{event.get('reason')}: {event.get('message')}" for event in events if event.get("type") == "Warning"
    ]
    return next((each for each in reversed(warnings) if not any(c in each for c in _CONFLICTS)), "")
