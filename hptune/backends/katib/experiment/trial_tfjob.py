"""The TFJob that each trial of several tasks is: pods of the training operator, one a task.

Read in the training operator v1.9.3 (pkg/controller.v1/tensorflow) and in Katib v0.19.0:

- The container must be called ``tensorflow``. TF_CONFIG is set in it, of which `hptune.trial` takes the task.
- A pod that is being deleted counts as failed, and a failed one fails the job: but for a worker where
  ``enableDynamicWorker`` is set. TF_CONFIG then names few of the tasks, so `hptune.trial` names them all.
- The trial succeeds with its chief or master. The pods that run then, parameter servers above all, are
  deleted; those that have ended are kept, with their outcome and their log.
- Katib puts the labels of the trial on all pods, and its collector beside the one with the label
  ``job-role: master`` alone.
- With the policy ExitCode a pod that ended by a signal, or with the code of one, is made again, and one with
  another code fails the trial. A trainer that fails beside the master is started again in its pod, by
  `hptune.trial`.
- Katib watches TFJobs only where their kind was there when its controller started.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hptune.backends.katib.experiment.trial_job import pod_template
from hptune.backends.katib.options import KatibOptions
from hptune.job.replicas import Replicas, Role
from hptune.job.submission import Submission
from hptune.trial.companions import MAX_RESTARTS
from hptune.trial.tasks import task_type

TFJOB_CONTAINER = "tensorflow"

REPLICA_TYPE_LABEL = "training.kubeflow.org/replica-type"
REPLICA_INDEX_LABEL = "training.kubeflow.org/replica-index"
JOB_ROLE_LABEL = "training.kubeflow.org/job-role"
MASTER_ROLE = "master"
"""The value of `JOB_ROLE_LABEL` on the pod of a trial's chief or master."""

SUCCESS_CONDITION = 'status.conditions.#(type=="Succeeded")#|#(status=="True")#'

_KINDS = {Role.WORKER: "Worker", Role.PS: "PS", Role.EVALUATOR: "Evaluator"}
# A pod that its node loses, and one that is deleted, are no failures; a few are made again.
_RESTART_POLICY = "ExitCode"


def trial_tfjob(submission: Submission, options: KatibOptions, document: str) -> dict[str, Any]:
    """Builds the TFJob; for arguments see `trial_job`."""
    job = submission.job
    master = task_type(Role.MASTER, job.training_input).capitalize()
    kinds = {master: _replica(submission, options, document, 1)}
    for each in job.replicas:
        own, own_options = _of_role(submission, options, each)
        kinds[_KINDS[each.role]] = _replica(own, own_options, document, each.count)
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "TFJob",
        "spec": {
            "enableDynamicWorker": True,
            "runPolicy": {
                "backoffLimit": MAX_RESTARTS,
                "cleanPodPolicy": "Running",
                # Of use to a gang scheduler, where the operator has one: all tasks start, or none.
                "schedulingPolicy": {"minAvailable": 1 + sum(job.task_counts.values())},
            },
            "tfReplicaSpecs": kinds,
        },
    }


def _of_role(
    submission: Submission, options: KatibOptions, replicas: Replicas
) -> tuple[Submission, KatibOptions]:
    """Returns the job as if the machine and the image of a role were its own."""
    job = replace(
        submission.job,
        machine=replicas.machine,
        image_uri=replicas.image_uri or submission.job.image_uri,
    )
    if replicas.role is not Role.WORKER:
        # GPUs that a flag names are for what computes.
        options = replace(options, gpus=None, accelerator=None)
    return replace(submission, job=job), options


def _replica(submission: Submission, options: KatibOptions, document: str, count: int) -> dict[str, Any]:
    template = pod_template(submission, options, document, TFJOB_CONTAINER)
    # The operator's own, of the same meaning.
    del template["spec"]["restartPolicy"]
    return {"replicas": count, "restartPolicy": _RESTART_POLICY, "template": template}
