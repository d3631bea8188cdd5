"""The trials of an earlier job, which a study knows before its first one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, create_trial

from hptune.backends.local import claim
from hptune.backends.local.store import open_to_read
from hptune.errors import Fault, JobDirError
from hptune.job.tuning_job import TuningJob
from hptune.search.encoding import distributions
from hptune.search.space import SearchSpace
from hptune.storage.job_dir import JobDir

__all__ = ["FrozenTrial", "read", "to_frozen"]

_PLACE = "resumePreviousJobId"


def read(jobs: Path, job_id: str, job: TuningJob) -> list[dict[str, Any]]:
    """The trials of resumePreviousJobId that say something of this job's search space.

    Args:
        jobs: The directory that holds this job's; the earlier job's is beside it.
        job_id: Name of the earlier job's directory, or a path to it.
        job: This job.

    Returns:
        Parameters and objective of each, ready for JSON; kept in the job's own record, since the earlier
        job's directory may be gone when this one is taken up again.

    Raises:
        JobDirError: There is no such job, or its objective is another.
    """
    root = jobs / job_id
    store = open_to_read(JobDir(root).journal, job_id, job.metric, job.max_trials, job.space)
    if store is None or not JobDir(root).job.is_file():
        raise JobDirError(Fault(_PLACE, f"{job_id!r}: {root} holds no trials of an hptune job"))
    _refuse_other_objective(JobDir(root), job_id, job)
    return [
        {"parameters": trial.parameters, "objective": trial.final.value}
        for trial in store.study().trials
        if trial.final and job.space.contains(trial.parameters)
    ]


def _refuse_other_objective(job_dir: JobDir, job_id: str, job: TuningJob) -> None:
    earlier = claim.read(job_dir).submission.job
    if (earlier.goal, earlier.metric) != (job.goal, job.metric):
        objectives = f"{earlier.goal} {earlier.metric}; this job's is {job.goal} {job.metric}"
        raise JobDirError(Fault(_PLACE, f"{job_id!r} has the objective {objectives}"))


def to_frozen(trials: Sequence[dict[str, Any]], space: SearchSpace) -> list[FrozenTrial]:
    """The trials that `read` returned, as Optuna's."""
    return [
        create_trial(params=trial["parameters"], distributions=distributions(space), value=trial["objective"])
        for trial in trials
    ]
