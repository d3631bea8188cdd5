"""The trials of an earlier job, which a study knows before its first one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, create_trial

from hptune.backends.local import job_record
from hptune.backends.local.store import open_to_read
from hptune.errors import Fault, JobDirError
from hptune.job.previous_job import find_answer, read_answer
from hptune.job.tuning_job import TuningJob
from hptune.results.study import Goal
from hptune.search.encoding import distributions
from hptune.search.space import SearchSpace, Value
from hptune.storage.job_dir import JobDir

__all__ = ["FrozenTrial", "read", "to_frozen"]

_PLACE = "resumePreviousJobId"


@dataclass(frozen=True)
class _Earlier:
    """What an earlier job measured.

    Attributes:
        objective: Its goal and its tag, as far as they are known.
        trials: Parameters and objective of each trial that has one.
    """

    objective: tuple[str | None, str | None]
    trials: list[tuple[dict[str, Value], float]]


def read(jobs: Path, job_id: str, job: TuningJob, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Reads the trials of resumePreviousJobId that say something of this job's search space.

    Args:
        jobs: The directory that holds this job's; the earlier job's is beside it.
        job_id: Name of the earlier job's directory, or a path to it; or to a file of ML Engine's answer.
        job: This job.
        tell: Is told how many of the trials fit, and why the others do not.

    Returns:
        Parameters and objective of each, ready for JSON; kept in the job's own record, since the earlier
        job's directory may be gone when this one is taken up again.

    Raises:
        JobDirError: There is no such job, or its objective is another.
    """
    root = jobs / job_id
    if JobDir(root).job.is_file():
        earlier = _of_directory(JobDir(root), job_id)
    elif answer := find_answer(root):
        earlier = _of_answer(read_answer(answer), job.space)
    else:
        raise JobDirError(Fault(_PLACE, f"{job_id!r}: {root} holds no trials of an hptune job"))
    _refuse_other_objective(earlier, job_id, job)
    fitting = [(values, objective) for values, objective in earlier.trials if job.space.contains(values)]
    tell(_what_fits(job_id, earlier, len(fitting), job.space))
    return [{"parameters": values, "objective": objective} for values, objective in fitting]


def _of_directory(job_dir: JobDir, job_id: str) -> _Earlier:
    job = job_record.read(job_dir).submission.job
    store = open_to_read(job_dir, job_id, job.metric, job.max_trials, job.space)
    if store is None:
        raise JobDirError(Fault(_PLACE, f"{job_id!r}: {job_dir.root} holds no trials of an hptune job"))
    trials = [(trial.parameters, trial.final.value) for trial in store.study().trials if trial.final]
    return _Earlier((job.goal, job.metric), trials)


def _of_answer(answer: dict[str, Any], space: SearchSpace) -> _Earlier:
    output = answer["trainingOutput"]
    asked = (answer.get("trainingInput") or {}).get("hyperparameters") or {}
    tag = asked.get("hyperparameterMetricTag") or output.get("hyperparameterMetricTag")
    goal = asked.get("goal") or (Goal.MAXIMIZE.value if asked else None)
    return _Earlier((goal, tag), list(_measured(output["trials"], space)))


def _measured(trials: Sequence[Any], space: SearchSpace) -> Iterator[tuple[dict[str, Value], float]]:
    for trial in trials:
        # A trial that was not measured, or is no trial, says nothing.
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            objective = float(trial["finalMetric"]["objectiveValue"])
            values = {name: _value(name, text, space) for name, text in trial["hyperparameters"].items()}
            if math.isfinite(objective):
                yield values, objective


def _value(name: str, text: str, space: SearchSpace) -> Value:
    try:
        return space[name].parse(text)
    except (KeyError, ValueError):
        # No value of this job's.
        return text


def _refuse_other_objective(earlier: _Earlier, job_id: str, job: TuningJob) -> None:
    theirs = [known or own for known, own in zip(earlier.objective, (job.goal, job.metric), strict=True)]
    if theirs != [job.goal, job.metric]:
        objectives = f"{theirs[0]} {theirs[1]}; this job's is {job.goal} {job.metric}"
        raise JobDirError(Fault(_PLACE, f"{job_id!r} has the objective {objectives}"))


def _what_fits(job_id: str, earlier: _Earlier, fitting: int, space: SearchSpace) -> str:
    count = f"{fitting} of {len(earlier.trials)} trials of {job_id!r} fit"
    if fitting == len(earlier.trials):
        return f"{count}: the suggestions know them"
    names = {name: None for values, _ in earlier.trials for name in values}
    theirs = [name for name in names if name not in space.names]
    ours = [name for name in space.names if name not in names]
    if theirs or ours:
        return f"{count}: it has {', '.join(theirs) or 'no more'}, this job {', '.join(ours) or 'no more'}"
    values = [(name, value) for trial, _ in earlier.trials for name, value in trial.items()]
    outside = dict.fromkeys(name for name, value in values if not space[name].contains(value))
    return f"{count}: {', '.join(outside)} of the others {'is' if len(outside) == 1 else 'are'} out of range"


def to_frozen(trials: Sequence[dict[str, Any]], space: SearchSpace) -> list[FrozenTrial]:
    """Makes trials of Optuna's of those that `read` returned."""
    return [
        create_trial(params=trial["parameters"], distributions=distributions(space), value=trial["objective"])
        for trial in trials
    ]
