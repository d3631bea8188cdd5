"""What a cluster has of trials, as Katib and Kubernetes write it, made of what a trial was."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

import katib_stand_in
from kubernetes_stand_in import NAMESPACE

from hptune.backends.katib.experiment.names import experiment_name
from hptune.backends.katib.status import View
from hptune.search.space import format_values

BEGAN = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)


condition = partial(katib_stand_in.condition, at="2026-11-24T08:00:05Z")


def experiment_of(submission, *conditions, **status):
    name = experiment_name(submission.name, NAMESPACE)
    metadata = {"name": name, "creationTimestamp": "2026-11-24T08:00:00Z"}
    return {"metadata": metadata, "status": {"conditions": list(conditions), **status}}


def trial_of(submission, name, parameters, *conditions, created="2026-11-24T08:00:01Z", observed=()):
    metrics = [{"name": metric, "latest": value, "min": value, "max": value} for metric, value in observed]
    return {
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {
            "objective": {"objectiveMetricName": submission.job.metric},
            "parameterAssignments": [
                {"name": key, "value": value} for key, value in format_values(parameters).items()
            ],
        },
        "status": {
            "conditions": [condition("Created"), *conditions],
            "startTime": "2026-11-24T08:00:01Z",
            "completionTime": "2026-11-24T08:01:00Z",
            **({"observation": {"metrics": metrics}} if metrics else {}),
        },
    }


def pod_of(trial, state=None, created="2026-11-24T08:00:02Z", **status):
    statuses = [{"name": "metrics-logger-and-collector", "state": {"running": {}}}]
    if state:
        statuses.append({"name": "trainer", "state": state})
    labels = {"katib.kubeflow.org/trial": trial}
    metadata = {"name": f"{trial}-x7f2k", "labels": labels, "creationTimestamp": created}
    return {"metadata": metadata, "status": {"phase": "Running", "containerStatuses": statuses, **status}}


def ended_with(outcome, **more):
    """The state of a trainer's container that left word of how it ended."""
    message = json.dumps(asdict(outcome))
    return {"terminated": {"exitCode": 0 if outcome.succeeded else 1, "message": message, **more}}


def view_of(experiment, trials, pods=()):
    return View(experiment, trials, pods)
