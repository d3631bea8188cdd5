"""The Kubernetes Job that each trial of an Experiment is, with places for its name and its parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from hptune.backends.katib.experiment import quoting
from hptune.backends.katib.experiment.names import NAME_LABEL, OWN_NAME, job_label
from hptune.backends.katib.experiment.resources import GPU, node_selector, resources, shared_memory
from hptune.backends.katib.experiment.users_image import PROGRAM_VOLUME, init_container, users_container
from hptune.backends.katib.options import DEFAULT_IMAGE, DEFAULT_TF1_IMAGE, KatibOptions
from hptune.errors import Fault
from hptune.job.submission import Submission
from hptune.job.tuning_job import TuningJob
from hptune.storage.job_dir import JobDir, TrialDir
from hptune.storage.remote import is_remote, scheme_of
from hptune.trial.document import POD_COMMAND, POD_STOP_COMMAND, TRIAL_VARIABLE
from hptune.trial.spec import TRIAL_FORM, Pod, TrialSpec

CONTAINER = "trainer"
METRICS_FILE = "/var/log/hptune/measurements.jsonl"
MESSAGE_FILE = "/dev/termination-log"
JOB_LABEL = "hptune.dev/job"
# A sidecar of Istio's would run on when the pod's own container has ended.
NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
# A node that is taken away is no failure of what ran there.
POD_FAILURE_POLICY = {
    "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
}

# The user that images/Dockerfile makes.
_USER_ID = 10001
_OWN_USER = {"runAsNonRoot": True, "runAsUser": _USER_ID, "runAsGroup": _USER_ID}
_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": _USER_ID,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_GPU_TOLERATIONS = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
_POD_DIR = Path("/hptune")
# ML Engine stopped jobs after a week where the job file sets no limit.
_DEFAULT_RUNNING_TIME_S = 7 * 24 * 3600
# For the image, the data and the upload of what was trained: time that the trainer does not have.
_DEADLINE_SLACK_S = 3600
# A trial that is told to stop gives its trainer ten seconds; the rest is for the upload.
_GRACE_PERIOD_S = 120


def labels(submission: Submission, options: KatibOptions) -> dict[str, str]:
    """Returns the labels of the Experiment and of its pods."""
    own = {NAME_LABEL: OWN_NAME, JOB_LABEL: job_label(submission.name)}
    return {**options.labels, **own}


def trial_job(submission: Submission, options: KatibOptions, document: str) -> dict[str, Any]:
    """Builds the Job of a trial of one task.

    Args:
        submission: The job.
        options: How its trials run.
        document: What `trial_document` made of it.
    """
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {
            # A trainer that fails is a failed trial.
            "backoffLimit": 0,
            "podFailurePolicy": POD_FAILURE_POLICY,
            "template": pod_template(submission, options, document, CONTAINER),
        },
    }


def pod_template(
    submission: Submission,
    options: KatibOptions,
    document: str,
    container: str,
) -> dict[str, Any]:
    """Builds the template of a trial's pod.

    Args:
        submission: The job.
        options: How its trials run.
        document: The trial's document.
        container: What the trainer's container is called.
    """
    return {
        "metadata": {"labels": {**labels(submission, options), **NO_SIDECAR}},
        "spec": _pod_spec(submission, options, document, container),
    }


def trial_document(
    submission: Submission,
    options: KatibOptions,
    experiment: str,
    placeholders: dict[str, str],
    trial_name: str,
) -> str:
    """Writes a trial's document with the places that Katib fills in.

    Args:
        submission: The job.
        options: How its trials run.
        experiment: The Experiment's name, with which its trials' names begin.
        placeholders: By a parameter's name, the text that Katib replaces by its value.
        trial_name: The text that Katib replaces by the trial's name.
    """
    pod = Pod(
        trial_prefix=f"{experiment}-",
        collector_file=Path(METRICS_FILE),
        message_file=Path(MESSAGE_FILE),
        upload_to=submission.job_dir if is_remote(submission.job_dir) else None,
        packages=submission.packages,
        fetch_inputs=not options.keep_addresses,
    )
    if options.keep_addresses and is_remote(submission.job_dir):
        submission = replace(submission, address=submission.job_dir)
    content = TRIAL_FORM.content(TrialSpec.of(submission, "", {}, _trial_dir(submission), pod))
    return quoting.json_template(content, {"trialId": trial_name, "parameters": placeholders})


def _trial_dir(submission: Submission) -> TrialDir:
    """Returns where a trial writes: on the volume that holds the job, or in its pod."""
    if not submission.job_dir or is_remote(submission.job_dir):
        return TrialDir(_POD_DIR / "output", _POD_DIR / "state")
    return JobDir(Path(submission.job_dir)).trial("{trial_id}")


def _pod_spec(submission: Submission, options: KatibOptions, document: str, container: str) -> dict[str, Any]:
    job = submission.job
    of_user = bool(submission.program.image)
    volumes = {**_volumes(job, options), **(PROGRAM_VOLUME if of_user else {})}
    trainer = _container(submission, options, document, container, volumes)
    running_time_s = job.max_running_time_s or _DEFAULT_RUNNING_TIME_S
    names = {
        "serviceAccountName": options.service_account,
        "priorityClassName": options.priority_class,
        "imagePullSecrets": [{"name": options.image_pull_secret}] if options.image_pull_secret else None,
        "nodeSelector": node_selector(job, options),
        "tolerations": _GPU_TOLERATIONS if options.gpu_count(job) else None,
    }
    return {
        "restartPolicy": "Never",
        # Of the pod and not of the Job: waiting for a node with a GPU does not count.
        "activeDeadlineSeconds": math.ceil(running_time_s) + _DEADLINE_SLACK_S,
        "terminationGracePeriodSeconds": _GRACE_PERIOD_S,
        # A trainer has no business with the cluster, unless it was given an account for it.
        **({} if options.service_account else {"automountServiceAccountToken": False}),
        # They would put addresses of the namespace's services into the trainer's environment.
        "enableServiceLinks": False,
        # Katib's sidecar gets these as well.
        "securityContext": {
            **({} if of_user else _OWN_USER),
            "fsGroup": _USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **{key: value for key, value in names.items() if value},
        **({"initContainers": [init_container(options, _SECURITY)]} if of_user else {}),
        "containers": [users_container(trainer) if of_user else trainer],
        "volumes": [{"name": name, **source} for name, (_, source) in volumes.items()],
    }


def _volumes(job: TuningJob, options: KatibOptions) -> dict[str, tuple[str, dict[str, Any]]]:
    """Returns where each volume is mounted, and what it is."""
    volumes: dict[str, tuple[str, dict[str, Any]]] = {
        "work": (str(_POD_DIR), {"emptyDir": {}}),
        "shared-memory": ("/dev/shm", {"emptyDir": shared_memory(job, options)}),  # noqa: S108
    }
    if options.volume_claim:
        claim = {"persistentVolumeClaim": {"claimName": options.volume_claim}}
        volumes["jobs"] = (options.mount_path, claim)
    return volumes


def _container(
    submission: Submission,
    options: KatibOptions,
    document: str,
    name: str,
    volumes: dict[str, tuple[str, dict[str, Any]]],
) -> dict[str, Any]:
    secret = [{"secretRef": {"name": options.secret}}] if options.secret else None
    return {
        "name": name,
        "image": options.image or submission.job.image_uri or _default_image(submission),
        "command": list(POD_COMMAND),
        "env": [{"name": TRIAL_VARIABLE, "value": document}],
        **({"envFrom": secret} if secret else {}),
        "resources": resources(submission.job, options),
        # Here too, for Katib can copy them to its sidecar from here alone. The root file system stays
        # writable, as it was on ML Engine: trainers write beside themselves.
        "securityContext": _SECURITY,
        "terminationMessagePath": MESSAGE_FILE,
        # The signal that ends a pod does not get past Katib's shell.
        "lifecycle": {"preStop": {"exec": {"command": list(POD_STOP_COMMAND)}}},
        "volumeMounts": [{"name": name, "mountPath": path} for name, (path, _) in volumes.items()],
    }


def _default_image(submission: Submission) -> str:
    runtime = submission.runtime
    return DEFAULT_TF1_IMAGE if runtime and runtime.kind.is_managed else DEFAULT_IMAGE


def place_faults(submission: Submission, options: KatibOptions) -> Iterator[Fault]:
    """Says why the job's directory cannot be where the job asks for it."""
    job_dir = submission.job_dir
    if not job_dir or is_remote(job_dir):
        if options.keep_addresses and scheme_of(job_dir) == "minio":
            allowed = "must be s3://, with AWS_ENDPOINT_URL in --secret, for trainers know no minio://"
            yield Fault("--job-dir", f"{job_dir!r} is not allowed with --keep-addresses; {allowed}")
        return
    path, mount = PurePosixPath(job_dir), PurePosixPath(options.mount_path)
    if options.volume_claim is None:
        allowed = "give a URI such as gs://bucket/job, or --volume-claim"
        yield Fault("--job-dir", f"{job_dir!r} is a path, which each trial has for itself; {allowed}")
    elif not path.is_relative_to(mount) or ".." in path.parts:
        yield Fault("--job-dir", f"{job_dir!r} is not on the volume; must be a path below {mount}")
