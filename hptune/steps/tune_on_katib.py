"""The tune step where its trials run in pods of their own, as Katib makes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hptune.backends.katib.options import KatibAlgorithm, KatibOptions
from hptune.console.progress import show_progress
from hptune.errors import Fault, UsageError
from hptune.job.trainer import Trainer
from hptune.job.tuning_job import TuningJob
from hptune.results.study import JobStatus, TrialState
from hptune.storage import transfer
from hptune.storage.job_dir import JobDir

_ANY = "any"
_DIGEST_DIGITS = 16


@dataclass(frozen=True)
class TrialPods:
    """What Katib must be told of the trials' pods, as a pipeline's parameters say it.

    Attributes:
        namespace: Where the Experiment is to live; empty for this pod's own.
        image: Has hptune and the trainer; empty for hptune's own.
        algorithm: What suggests trials, where the job file leaves it open.
        gpus: GPUs of a trial; below 0 for those of the job file's machine.
        accelerator: GKE's name of their type; ``any`` for whichever there is, empty for the machine's.
        service_account: The pods' service account; empty for the namespace's default.
        image_pull_secret: The secret for the image's registry; empty for none.
        priority_class: The pods' priority class; empty for the cluster's default.
        secret: A secret whose entries the trainer gets as environment variables; empty for none.
        volume_claim: A volume that all trials mount; empty for none.
        mount_path: Where they mount it.
        delete_on_cancel: Whether the job ends when the step is stopped.
    """

    namespace: str = ""
    image: str = ""
    algorithm: str = KatibAlgorithm.BAYESIAN.value
    gpus: int = -1
    accelerator: str = ""
    service_account: str = ""
    image_pull_secret: str = ""
    priority_class: str = ""
    secret: str = ""
    volume_claim: str = ""
    mount_path: str = KatibOptions().mount_path
    delete_on_cancel: bool = False

    def options(self, namespace: str) -> KatibOptions:
        """The same as the backend wants it.

        Args:
            namespace: Where the Experiment is to live.

        Raises:
            UsageError: There is no such algorithm.
        """
        allowed = [each.value for each in KatibAlgorithm]
        if self.algorithm not in allowed:
            problem = f"{self.algorithm!r} is not allowed (must be {' or '.join(allowed)})"
            raise UsageError(Fault("katib_algorithm", problem))
        return KatibOptions(
            namespace=namespace,
            image=self.image or None,
            algorithm=KatibAlgorithm(self.algorithm),
            gpus=None if self.gpus < 0 else self.gpus,
            accelerator="" if self.accelerator == _ANY else self.accelerator or None,
            service_account=self.service_account or None,
            image_pull_secret=self.image_pull_secret or None,
            priority_class=self.priority_class or None,
            secret=self.secret or None,
            volume_claim=self.volume_claim or None,
            mount_path=self.mount_path,
        )


def tune_in_cluster(
    job: TuningJob, name: str, data: Path, job_dir: str, trainer: Trainer, seed: int, pods: TrialPods
) -> JobStatus:
    """Runs a tuning job as a Katib Experiment, or watches the one that an earlier run made of it.

    Args:
        job: The job.
        name: Its name.
        data: The file that trials train on and are measured on; a copy goes to ``job_dir``.
        job_dir: A URI, or a path on a volume that trials mount, too.
        trainer: The user's trainer.
        seed: Seed of the suggestions.
        pods: Of the trials.

    Raises:
        InputError: Something cannot be used; carries every fault.
        ClusterError: The cluster does not do what is asked.
        JobFailed: Too many trials failed, or none has an objective.
        Interrupted: The user stopped it.
    """
    # Takes half a second, which a step that tunes by itself need not wait for.
    from hptune.backends.katib.backend import KatibBackend
    from hptune.backends.katib.cluster.connection import JOB_PATIENCE_S, connect
    from hptune.backends.katib.experiment.build import build_experiment
    from hptune.trial.pod.upload_package import with_package

    _check_job_dir(job_dir, pods)
    place = f"{job_dir.rstrip('/')}/{(JobDir(Path()).data / data_name(data)).as_posix()}"
    submission = trainer.cluster_submission(job, name, place, job_dir, seed)
    cluster = connect(pods.namespace or None, patience_s=JOB_PATIENCE_S)
    options = pods.options(cluster.namespace)
    # Before anything is put anywhere.
    build_experiment(submission, options)
    backend = KatibBackend(
        cluster,
        name,
        options,
        warn=lambda message: print(f"warning: {message}", flush=True),
        delete_on_cancel=pods.delete_on_cancel,
    )
    # The same again is the same: the name is that of the content.
    transfer.put(data, place)
    if trainer.package_path:
        submission = with_package(submission, Path(trainer.package_path), pods.mount_path)
    with show_progress(submission.study) as observe:
        study = backend.run(submission, observe)
    for trial in study.trials:
        if trial.state is TrialState.FAILED:
            print(f"trial {trial.id} failed, {trial.message}")
    return backend.describe()


def data_name(data: Path) -> str:
    """What a job calls its data: by content, since other data would make it another job."""
    with data.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{digest[:_DIGEST_DIGITS]}.npz"


def _check_job_dir(job_dir: str, pods: TrialPods) -> None:
    """Refuses a place for the job that trials cannot reach, or this step.

    Raises:
        UsageError: It is one.
    """
    if transfer.is_remote(job_dir):
        return
    if not job_dir:
        problem = "is missing; trials in pods of their own need it: a URI such as gs://bucket/job"
        raise UsageError(Fault("job_dir", problem))
    if not pods.volume_claim or not Path(pods.mount_path).is_dir():
        problem = (
            "is a path; it must be on the volume_claim, mounted here, too; or give a URI, gs://bucket/job"
        )
        raise UsageError(Fault("job_dir", f"{job_dir!r} {problem}"))
