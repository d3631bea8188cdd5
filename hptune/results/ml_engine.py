"""Writes a study as ML Engine answered, for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hptune.results.progress import measure_progress
from hptune.results.study import JobState, JobStatus, Measurement, Study, Trial, TrialState
from hptune.search.space import format_values


def training_output(study: Study) -> dict[str, Any]:
    """Makes ML Engine's ``trainingOutput``: best first, 64-bit integers as text, the objective a number."""
    succeeded = sum(trial.state is TrialState.SUCCEEDED for trial in study.trials)
    return {
        "completedTrialCount": str(succeeded),
        "trials": [_trial_output(trial) for trial in study.ranked],
        "isHyperparameterTuningJob": True,
        "hyperparameterMetricTag": study.metric,
    }


def _trial_output(trial: Trial) -> dict[str, Any]:
    output: dict[str, Any] = {
        "trialId": str(trial.id),
        "hyperparameters": format_values(trial.parameters),
        "state": trial.state.value,
    }
    if trial.final:
        output["finalMetric"] = _metric(trial.final)
    if trial.stopped_early:
        output["isTrialStoppedEarly"] = True
    times = {"startTime": trial.start_time, "endTime": trial.end_time}
    return output | {name: _timestamp(time) for name, time in times.items() if time}


def _metric(measurement: Measurement) -> dict[str, Any]:
    return {"trainingStep": str(measurement.step), "objectiveValue": measurement.value}


def _timestamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def job_output(status: JobStatus, now: datetime | None = None) -> dict[str, Any]:
    """Makes the whole of what ``jobs describe`` answered, and what a person is shown besides.

    That is each trial's message, what running trials have measured and how far a job is that runs.

    Args:
        status: The job.
        now: The time; None for this moment.
    """
    output: dict[str, Any] = {
        "jobId": status.study.name,
        "createTime": _timestamp(status.create_time),
        "state": status.state.value,
        "trainingInput": status.training_input,
        "trainingOutput": {
            **training_output(status.study),
            "trials": [_trial_output(trial) | _more_of(trial) for trial in status.study.ranked],
        },
    }
    if status.state is JobState.RUNNING:
        output["progress"] = _progress(status, now or datetime.now(UTC))
    if status.end_time:
        output["endTime"] = _timestamp(status.end_time)
    if status.message:
        output["errorMessage"] = status.message
    return output


def _more_of(trial: Trial) -> dict[str, Any]:
    more: dict[str, Any] = {"message": trial.message} if trial.message else {}
    finite = [each for each in trial.measurements if each.finite]
    if finite and not trial.state.finished:
        more["allMetrics"] = [_metric(each) for each in finite]
    return more


def _progress(status: JobStatus, now: datetime) -> dict[str, Any]:
    progress = measure_progress(status.study, status.start_time or status.create_time, now)
    left = {} if progress.left_s is None else {"leftSeconds": round(progress.left_s)}
    best = {"bestTrialId": str(status.study.best.id)} if status.study.best else {}
    counts = {"finishedTrialCount": str(progress.finished), "trialCount": str(progress.total)}
    return {**counts, **best, "elapsedSeconds": round(progress.elapsed_s), **left}


def to_json(output: dict[str, Any]) -> str:
    """Writes JSON that other programs read; an objective is always finite."""
    return json.dumps(output, indent=2, ensure_ascii=False, allow_nan=False)
