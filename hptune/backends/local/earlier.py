"""What a study knows before its first trial: an earlier job's trials, and the user's own arguments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, create_trial

from hptune.backends.local import record
from hptune.backends.local.store import open_to_read
from hptune.errors import Fault, JobDirError
from hptune.job import TuningJob
from hptune.jobdir import JobDir
from hptune.sampler import distributions
from hptune.space import SearchSpace, Value

__all__ = ["FrozenTrial", "point_of_arguments", "read", "to_frozen"]

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
    earlier = record.job_of(job_dir, record.read(job_dir))
    if (earlier.goal, earlier.metric) != (job.goal, job.metric):
        objectives = f"{earlier.goal} {earlier.metric}; this job's is {job.goal} {job.metric}"
        raise JobDirError(Fault(_PLACE, f"{job_id!r} has the objective {objectives}"))


def to_frozen(trials: Sequence[dict[str, Any]], space: SearchSpace) -> list[FrozenTrial]:
    """The trials that `read` returned, as Optuna's."""
    return [
        create_trial(params=trial["parameters"], distributions=distributions(space), value=trial["objective"])
        for trial in trials
    ]


def point_of_arguments(user_args: Sequence[str], space: SearchSpace) -> list[dict[str, Value]]:
    """The point that the user's own arguments name, if they give every parameter a value inside the space."""
    given = _values_of(user_args)
    try:
        point = {p.name: p.parse(given[p.name]) for p in space}
    except (KeyError, ValueError):
        return []
    return [point] if space.contains(point) else []


def _values_of(user_args: Sequence[str]) -> dict[str, str]:
    values = {}
    for token, following in zip_longest(user_args, user_args[1:], fillvalue=""):
        name, equals, value = token.removeprefix("--").partition("=")
        if token.startswith("--"):
            values[name] = value if equals else following
    return values
