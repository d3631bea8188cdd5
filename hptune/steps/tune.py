"""Step three: runs the tuning job."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from hptune.backends.local.backend import LocalBackend
from hptune.backends.local.cluster_size import on_this_machine
from hptune.console.program import command_to_type
from hptune.job.request import Place
from hptune.job.tuning_job import TuningJob, parse_job
from hptune.results.study import JobStatus, Study, TrialState
from hptune.runtimes.settle import settle
from hptune.steps.run_job import run_job
from hptune.steps.trainer import Trainer, check_backend, limits
from hptune.steps.tune_on_katib import data_name, tune_in_cluster
from hptune.storage.job_dir import JobDir
from hptune.storage.transfer import atomic_file


def tune(
    job_file: str,
    *,
    name: str,
    data: Path,
    job_dir: Path | str,
    trainer: Trainer,
    max_trials: int = 0,
    max_parallel_trials: int = 0,
    backend: str = "local",
    seed: int = 0,
    katib: Mapping[str, object] | None = None,
    delete_on_cancel: bool = False,
) -> JobStatus:
    """Runs a tuning job, or takes up one that was cut off: its finished trials are not run again.

    Args:
        job_file: The job file's text.
        name: The job's name.
        data: The file that trials train on and are measured on.
        job_dir: The job's directory; with ``katib`` a URI, or a path on a volume that trials mount, too. A
            copy of the data is kept there, for trials elsewhere to read, and so that a later run, which may
            have its data elsewhere, can tell that the job is the same.
        trainer: The user's trainer.
        max_trials: Replaces the job file's maxTrials; 0 keeps it.
        max_parallel_trials: Replaces the job file's maxParallelTrials; 0 keeps it.
        backend: Where trials run: ``local``, the machine or pod of this step, or ``katib``, in pods of their
            own that Katib makes.
        seed: Seed of the suggestions.
        katib: What the cluster is told with ``katib``, as `KatibOptions.read` takes it.
        delete_on_cancel: Whether the job ends in the cluster when the step is stopped.

    Raises:
        InputError: The job or the trainer cannot be used; carries every fault.
        ClusterError: The cluster does not do what is asked.
        JobFailed: Too many trials failed, or none has an objective.
        Interrupted: The user stopped it.
    """
    check_backend(backend)
    job = parse_job(job_file, "job_file", limits(max_trials, max_parallel_trials))
    for warning in job.warnings:
        print(f"warning: {warning}")
    if backend == "katib":
        return tune_in_cluster(job, name, data, str(job_dir), trainer, seed, katib or {}, delete_on_cancel)
    return _tune_here(job, name, data, Path(job_dir), trainer, seed)


def _tune_here(
    job: TuningJob, name: str, data: Path, job_dir: Path, trainer: Trainer, seed: int
) -> JobStatus:
    stable = JobDir(job_dir.absolute()).data / data_name(data)
    submission = on_this_machine(trainer.submission(job, name, stable, job_dir, Place.HERE, seed))
    local = LocalBackend(job_dir)
    local.refuse_foreign()
    _keep(data, stable)
    trials = JobDir(job_dir)
    print(f"logs:  {trials.trials}/TRIAL/{trials.trial(1).log.name}")
    print("watch: " + command_to_type(f"describe {shlex.quote(str(job_dir))} --watch"))
    return run_job(local, settle(submission), lambda trial: f"; its log is {trials.trial(trial.id).log}")


def summarize(study: Study) -> dict[str, float]:
    """Returns what a pipeline's page shows of a study: the best objective, and counts."""
    states = [trial.state for trial in study.trials]
    counts: dict[str, float] = {"trials": len(states), "failed_trials": states.count(TrialState.FAILED)}
    best = study.best
    return (
        {study.metric: best.final.value, "best_trial": best.id, **counts} if best and best.final else counts
    )


def _keep(data: Path, place: Path) -> None:
    if place.exists():
        return
    with atomic_file(place) as temporary:
        shutil.copyfile(data, temporary)
