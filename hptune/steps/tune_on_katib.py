"""The tune step where its trials run in pods of their own, as Katib makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from hptune.backends.katib.options import KatibOptions
from hptune.errors import Fault, UsageError
from hptune.job.request import Place
from hptune.job.tuning_job import TuningJob
from hptune.results.study import JobStatus
from hptune.runtimes.settle import settle_for_cluster
from hptune.steps.run_job import run_job
from hptune.steps.trainer import Trainer
from hptune.storage import transfer
from hptune.storage.job_dir import JobDir
from hptune.storage.remote import is_remote
from hptune.trial.pod.upload_package import pack

_DIGEST_DIGITS = 16


def tune_in_cluster(
    job: TuningJob,
    name: str,
    data: Path,
    job_dir: str,
    trainer: Trainer,
    seed: int,
    katib: Mapping[str, object],
    delete_on_cancel: bool,
) -> JobStatus:
    """Runs a tuning job as a Katib Experiment, or watches the one that an earlier run made of it.

    Args:
        job: The job.
        name: The job's name.
        data: The file that trials train on and are measured on; a copy goes to ``job_dir``.
        job_dir: A URI, or a path on a volume that trials mount, too.
        trainer: The user's trainer.
        seed: Seed of the suggestions.
        katib: What the cluster is told, as `KatibOptions.read` takes it; without a namespace the pod's own.
        delete_on_cancel: Whether the job ends when the step is stopped, or its pod ends before the job.

    Raises:
        InputError: Something cannot be used; carries every fault.
        ClusterError: The cluster does not do what is asked.
        JobFailed: Too many trials failed, or none has an objective.
        Interrupted: The user stopped it.
    """
    # Takes half a second, which a step that tunes by itself need not wait for.
    from hptune.backends.katib.backend import KatibBackend
    from hptune.backends.katib.cluster.connection import connect
    from hptune.backends.katib.watcher.guard import Guard
    from hptune.retry import WATCHED_CLUSTER

    options = KatibOptions.read(katib)
    _check_job_dir(job_dir, options)
    place = f"{job_dir.rstrip('/')}/{(JobDir(Path()).data / data_name(data)).as_posix()}"
    submission = trainer.submission(job, name, place, job_dir, Place.CLUSTER, seed)
    submission = settle_for_cluster(submission, options.image)
    cluster = connect(options.namespace if katib.get("namespace") else None, patience=WATCHED_CLUSTER)
    options = replace(options, namespace=cluster.namespace)
    # The same again is the same: the name is that of the content.
    staging: list[Callable[[], None]] = [partial(transfer.put, data, place)]
    if trainer.package_path:
        submission, put_package = pack(submission, Path(trainer.package_path), options.mount_path)
        staging.append(put_package)
    backend = KatibBackend(
        lambda: cluster,
        name,
        options,
        warn=lambda message: print(f"warning: {message}", flush=True),
        stage=lambda: [put() for put in staging],
        delete_on_cancel=delete_on_cancel,
        guard=Guard.of_this_pod(connect) if delete_on_cancel else None,
    )
    return run_job(backend, submission, lambda _: "")


def data_name(data: Path) -> str:
    """Returns what a job calls its data: by content, since other data would make it another job."""
    with data.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{digest[:_DIGEST_DIGITS]}.npz"


def _check_job_dir(job_dir: str, options: KatibOptions) -> None:
    """Refuses a place for the job that trials cannot reach, or this step.

    Raises:
        UsageError: It is one.
    """
    if is_remote(job_dir):
        return
    if not job_dir:
        problem = "is missing; trials in pods of their own need it: a URI such as gs://bucket/job"
        raise UsageError(Fault("job_dir", problem))
    if not options.volume_claim or not Path(options.mount_path).is_dir():
        problem = (
            "is a path; it must be on katib.volume_claim, mounted here, too; or give a URI, gs://bucket/job"
        )
        raise UsageError(Fault("job_dir", f"{job_dir!r} {problem}"))
