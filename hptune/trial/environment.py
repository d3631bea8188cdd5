"""Makes a trainer's environment variables, as ML Engine and Vertex AI set them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hptune.job.schema import Service
from hptune.trial.spec import TrialSpec
from hptune.trial.tasks import MASTER_PORT, Addresses, alone, snake_case, tf_config

TRIAL_DIR_VARIABLE = "HPTUNE_TRIAL_DIR"
"""Names a trial's output to its trainer, and so tells whose its processes are."""
VERTEX_DIRECTORIES = {
    "AIP_MODEL_DIR": "model",
    "AIP_CHECKPOINT_DIR": "checkpoints",
    "AIP_TENSORBOARD_LOG_DIR": "logs",
}
"""Variables that name directories of a trial's own, and these below its output."""


def trainer_environment(
    spec: TrialSpec, base: Mapping[str, str], addresses: Addresses | None = None
) -> dict[str, str]:
    """Returns ``base`` and what the service set on top of it.

    Args:
        spec: The trial, seen from one of its tasks.
        base: The environment around the trainer.
        addresses: Where the trial's tasks listen; None for a master alone, on ML Engine's port.
    """
    base = {**base, **_job_variables(spec)}
    training_input = spec.training_input
    where = alone(training_input, MASTER_PORT) if addresses is None else addresses
    config = tf_config(spec.task, spec.trial_id, where, training_input)
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
        "CLOUD_ML_JOB": json.dumps(snake_case(training_input)),
        "CLOUD_ML_JOB_ID": spec.job_id,
        "CLOUD_ML_TRIAL_ID": spec.trial_id,
        "CLOUD_ML_HP_METRIC_TAG": spec.metric,
        "CLOUD_ML_HP_METRIC_FILE": str(spec.directory.metric_file),
        "PYTHONPATH": os.pathsep.join(python_path),
        TRIAL_DIR_VARIABLE: str(spec.directory.output),
        **{name: f"{path}/" for name, path in output_places(spec).items()},
        **_path(spec, base),
        # A progress line must be in the log when it is printed, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
    }


def output_places(spec: TrialSpec) -> dict[str, str]:
    """Returns the places of a trial's own that Vertex AI named in variables; none for ML Engine."""
    if spec.service is not Service.VERTEX_AI:
        return {}
    return {name: f"{spec.output}/{below}" for name, below in VERTEX_DIRECTORIES.items()}


def _job_variables(spec: TrialSpec) -> dict[str, str]:
    """Returns the variables that the job file sets for the task."""
    variables = (spec.training_input.get(f"{spec.task.role.field}Config") or {}).get("env") or ()
    return {each["name"]: each.get("value", "") for each in variables}


def _path(spec: TrialSpec, base: Mapping[str, str]) -> dict[str, str]:
    """Makes PATH so that a command's ``python`` and what trainers start are the runtime's.

    hptune's own comes last: where its environment is not active, ``python`` may be on PATH nowhere else.
    """
    own = spec.program.python
    # In the user's image ours runs by its own loader alone.
    last = () if spec.program.image else (_folder(sys.executable),)
    folders = (*((_folder(own),) if own else ()), base.get("PATH", os.defpath), *last)
    return {"PATH": os.pathsep.join(folders)}


def _folder(python: str) -> str:
    return str(Path(python).absolute().parent)
