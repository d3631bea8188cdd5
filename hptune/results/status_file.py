"""A job's status in a JSON file, so that a step can hand its study to the next one."""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

from hptune.errors import DataError, Fault
from hptune.results.study import Goal, JobState, JobStatus, Measurement, Study, Trial, TrialState
from hptune.storage.job_dir import write_json

_FORMAT = 1


def save_status(path: Path, status: JobStatus) -> None:
    """Writes a job's status, all its measurements included."""
    write_json(
        path,
        {
            "format": _FORMAT,
            "state": status.state.value,
            "message": status.message,
            "createTime": _encode_time(status.create_time),
            "endTime": _encode_time(status.end_time),
            "trainingInput": status.training_input,
            "study": _encode_study(status.study),
        },
    )


def load_status(path: Path) -> JobStatus:
    """Reads what `save_status` wrote.

    Raises:
        DataError: It is no such file.
    """
    try:
        return _decode(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(Fault(str(path), f"cannot be read: {error.strerror}")) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        problem = f"is not a study that hptune wrote ({type(error).__name__}: {error})"
        raise DataError(Fault(str(path), problem)) from error


def _decode(content: dict[str, Any]) -> JobStatus:
    if content["format"] != _FORMAT:
        raise ValueError(f"format {content['format']!r}; must be {_FORMAT}")
    return JobStatus(
        state=JobState(content["state"]),
        study=_decode_study(content["study"]),
        training_input=content["trainingInput"],
        message=content["message"],
        create_time=datetime.fromisoformat(content["createTime"]),
        end_time=_decode_time(content["endTime"]),
    )


def _encode_study(study: Study) -> dict[str, Any]:
    return {
        "name": study.name,
        "metric": study.metric,
        "goal": study.goal.value,
        "maxTrials": study.max_trials,
        "trials": [_encode_trial(trial) for trial in study.trials],
    }


def _decode_study(content: dict[str, Any]) -> Study:
    return Study(
        name=content["name"],
        metric=content["metric"],
        goal=Goal(content["goal"]),
        max_trials=content["maxTrials"],
        trials=tuple(_decode_trial(trial) for trial in content["trials"]),
    )


def _encode_trial(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "parameters": trial.parameters,
        "state": trial.state.value,
        "measurements": [_encode_measurement(measurement) for measurement in trial.measurements],
        "final": _encode_measurement(trial.final) if trial.final else None,
        "stoppedEarly": trial.stopped_early,
        "message": trial.message,
        "startTime": _encode_time(trial.start_time),
        "endTime": _encode_time(trial.end_time),
    }


def _decode_trial(content: dict[str, Any]) -> Trial:
    return Trial(
        id=content["id"],
        parameters=content["parameters"],
        state=TrialState(content["state"]),
        measurements=tuple(_decode_measurement(measurement) for measurement in content["measurements"]),
        final=_decode_measurement(content["final"]) if content["final"] else None,
        stopped_early=content["stoppedEarly"],
        message=content["message"],
        start_time=_decode_time(content["startTime"]),
        end_time=_decode_time(content["endTime"]),
    )


def _encode_measurement(measurement: Measurement) -> dict[str, Any]:
    # JSON has no NaN and no infinity; float() reads these words back.
    value = measurement.value
    return {"value": value if math.isfinite(value) else str(value), "step": measurement.step}


def _decode_measurement(content: dict[str, Any]) -> Measurement:
    return Measurement(float(content["value"]), content["step"])


def _encode_time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _decode_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
