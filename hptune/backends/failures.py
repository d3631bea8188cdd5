"""Says why a job failed, in the same words for every backend."""

from __future__ import annotations

from hptune.job.tuning_job import TuningJob
from hptune.results.study import Study, Trial


def nothing_to_compare(study: Study) -> str:
    """Says that no trial has an objective, and why each has none."""
    reasons = "\n".join(f"    trial {trial.id}: {trial.message}" for trial in study.trials)
    return f"no trial has a value of '{study.metric}' that can be compared:\n{reasons}"


def decided_by(trial: Trial, job: TuningJob) -> str:
    """Says which failed trial failed the job, and by which rule: the job file's or the service's own."""
    rule = "no trial has succeeded before it"
    if limit := job.max_failed_trials:
        rule = f"{job.word('hyperparameters.maxFailedTrials')} is {limit}"
    return f"trial {trial.id} {trial.message}, and {rule}"
