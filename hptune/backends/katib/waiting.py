"""Why a job in a cluster does not get on: what pods wait for, and what the suggestion service complains of.

None of this fails an Experiment. A pod that asks for GPUs that no node has waits for ever, and Katib asks a
suggestion service that answers with errors again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.names import SUGGESTION_LABEL, TRIAL_LABEL
from hptune.backends.katib.status import View

Events = Callable[[str, str], Sequence[Object]]
"""What the cluster noted about the object of a kind and a name, oldest first."""

# A container that waits for one of these waits as it should.
_USUAL = frozenset({"ContainerCreating", "PodInitializing"})


def troubles(view: View, events: Events) -> Iterator[str]:
    """Yields what a person should know about a job that has not ended, in words.

    Args:
        view: The job.
        events: Asked only where the objects themselves do not say why they wait.
    """
    numbers = view.numbers()
    for pod in view.pods:
        labels = pod["metadata"].get("labels", {})
        # A trial may have been made since the trials were listed.
        number = numbers.get(labels.get(TRIAL_LABEL))
        who = "the suggestion service" if SUGGESTION_LABEL in labels else f"trial {number}" if number else ""
        if who and pod["status"].get("phase") == "Pending" and (reason := _why_pending(pod, events)):
            yield f"{who} waits: {reason}"
    for name in view.unfinished:
        if view.pod_of(name) is None and (reason := _last_warning(events("Job", name))):
            yield f"trial {numbers[name]} has no pod: {reason}"
    if not view.unfinished:
        experiment = view.experiment["metadata"]["name"]
        for kind in ("Suggestion", "Experiment"):
            if reason := _last_warning(events(kind, experiment)):
                yield f"no trial is suggested: {reason}"


def same_trouble(text: str) -> str:
    """What is left of a trouble without what changes from one look to the next: counts, times, ids."""
    return re.sub(r"[0-9]+", "#", text)


def _why_pending(pod: Object, events: Events) -> str:
    status = pod["status"]
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason", "ContainerCreating") not in _USUAL:
            return f"{waiting['reason']}: {waiting.get('message', container.get('image', ''))}"
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return f"no node for its pod: {condition.get('message', '')}"
    return _last_warning(events("Pod", pod["metadata"]["name"]))


def _last_warning(events: Sequence[Object]) -> str:
    warnings = [event for event in events if event.get("type") == "Warning"]
    return f"{warnings[-1].get('reason')}: {warnings[-1].get('message')}" if warnings else ""
