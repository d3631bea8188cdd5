"""Makes a trainer's environment variables, as ML Engine and Vertex AI set them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hptune.job.schema import Service
from hptune.trial.spec import TrialSpec

# ML Engine's master listened here.
_MASTER_PORT = 2222
_CHIEF_SINCE = (2, 1)
_VERTEX_DIRECTORIES = {
    "AIP_MODEL_DIR": "model",
    "AIP_CHECKPOINT_DIR": "checkpoints",
    "AIP_TENSORBOARD_LOG_DIR": "logs",
}


def trainer_environment(spec: TrialSpec, base: Mapping[str, str], port: int = _MASTER_PORT) -> dict[str, str]:
    """Returns ``base`` and what the service set on top of it.

    Args:
        spec: The trial.
        base: The environment around the trainer.
        port: Where its TensorFlow server would listen. One machine has no other task that would connect
            to it, but TensorFlow 1 refuses a task type without a cluster.
    """
    base = {**base, **_job_variables(spec.training_input)}
    job = json.dumps(_snake_case(spec.training_input))
    role = "chief" if _has_chief(spec.training_input) else "master"
    task = {"type": role, "index": 0, "trial": spec.trial_id}
    cluster = {role: [f"127.0.0.1:{port}"]}
    config = json.dumps({"cluster": cluster, "task": task, "job": json.loads(job), "environment": "cloud"})
    python_path = [
        *spec.program.python_path,
        *filter(None, (base.get("PYTHONPATH"), spec.program.variables.get("PYTHONPATH"))),
    ]
    return {
        **base,
        **spec.program.variables,
        "TF_CONFIG": config,
        # What containers were told in place of it.
        **({"CLUSTER_SPEC": config} if spec.program.module is None else {}),
        "CLOUD_ML_JOB": job,
        "CLOUD_ML_JOB_ID": spec.job_id,
        "CLOUD_ML_TRIAL_ID": spec.trial_id,
        "CLOUD_ML_HP_METRIC_TAG": spec.metric,
        "CLOUD_ML_HP_METRIC_FILE": str(spec.directory.metric_file),
        "PYTHONPATH": os.pathsep.join(python_path),
        "HPTUNE_TRIAL_DIR": str(spec.directory.output),
        **{name: f"{path}/" for name, path in output_directories(spec).items()},
        **_path(spec, base),
        # A progress line must be in the log when it is printed, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
    }


def output_directories(spec: TrialSpec) -> dict[str, Path]:
    """Returns the directories of a trial's own that Vertex AI named in variables; none for ML Engine."""
    if spec.service is not Service.VERTEX_AI:
        return {}
    return {name: spec.directory.output / below for name, below in _VERTEX_DIRECTORIES.items()}


def _job_variables(training_input: Mapping[str, Any]) -> dict[str, str]:
    """Returns the variables that the job file sets."""
    variables = (training_input.get("masterConfig") or {}).get("env") or ()
    return {each["name"]: each.get("value", "") for each in variables}


def _path(spec: TrialSpec, base: Mapping[str, str]) -> dict[str, str]:
    """Makes PATH so that a command's ``python`` and what trainers start are the runtime's.

    hptune's own comes last: where its environment is not active, ``python`` may be on PATH nowhere else.
    """
    own = spec.program.python
    folders = (*((_folder(own),) if own else ()), base.get("PATH", os.defpath), _folder(sys.executable))
    return {"PATH": os.pathsep.join(folders)}


def _folder(python: str) -> str:
    return str(Path(python).absolute().parent)


def _has_chief(training_input: Mapping[str, Any]) -> bool:
    """Returns whether TF_CONFIG calls the master a chief: as the job says, else since runtime version 2.1."""
    asked = training_input.get("useChiefInTfConfig")
    if asked is not None:
        return bool(asked)
    version = re.match(r"(\d+)\.(\d+)", str(training_input.get("runtimeVersion") or ""))
    return version is not None and tuple(map(int, version.groups())) >= _CHIEF_SINCE


def _snake_case(value: Any) -> Any:  # noqa: ANN401  (JSON in, JSON out)
    if isinstance(value, Mapping):
        return {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): _snake_case(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_snake_case(item) for item in value]
    return value
