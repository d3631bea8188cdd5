"""Writes a study as ML Engine answered, for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hptune.results.study import JobStatus, Study, Trial, TrialState
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
        output["finalMetric"] = {
            "trainingStep": str(trial.final.step),
            "objectiveValue": trial.final.value,
        }
    if trial.stopped_early:
        output["isTrialStoppedEarly"] = True
    times = {"startTime": trial.start_time, "endTime": trial.end_time}
    return output | {name: _timestamp(time) for name, time in times.items() if time}


def _timestamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def job_output(status: JobStatus) -> dict[str, Any]:
    """Makes the whole of what ``jobs describe`` answered."""
    output: dict[str, Any] = {
        "jobId": status.study.name,
        "createTime": _timestamp(status.create_time),
        "state": status.state.value,
        "trainingInput": status.training_input,
        "trainingOutput": training_output(status.study),
    }
    if status.end_time:
        output["endTime"] = _timestamp(status.end_time)
    if status.message:
        output["errorMessage"] = status.message
    return output


def to_json(output: dict[str, Any]) -> str:
    """Writes JSON that other programs read; an objective is always finite."""
    return json.dumps(output, indent=2, ensure_ascii=False, allow_nan=False)
