"""Says why a job failed, in the same words for every backend."""

from __future__ import annotations

from hptune.results.study import Study, Trial


def nothing_to_compare(study: Study) -> str:
    """Says that no trial has an objective, and why each has none."""
    reasons = "\n".join(f"    trial {trial.id}: {trial.message}" for trial in study.trials)
    return f"no trial has a value of '{study.metric}' that can be compared:\n{reasons}"


def decided_by(trial: Trial, max_failed_trials: int) -> str:
    """Says which failed trial failed the job, and by which rule; 0 stands for the service's own."""
    rule = (
        f"maxFailedTrials is {max_failed_trials}" if max_failed_trials else "no trial has succeeded before it"
    )
    return f"trial {trial.id} {trial.message}, and {rule}"
