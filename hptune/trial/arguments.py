"""Makes a trainer's arguments, as ML Engine did.

The user's arguments come first and the tuned ones after them, so that the last wins. A Python package gets
two tokens (``--lr 0.01``), a command one (``--lr=0.01``), as all did on Vertex AI. ``--job-dir`` is the
trial's own.
"""

from __future__ import annotations

import sys

from hptune.job.schema import Service
from hptune.runtimes import LAUNCH
from hptune.search.space import without_exponent
from hptune.trial.spec import TrialSpec


def trainer_argv(spec: TrialSpec) -> list[str]:
    """Makes the trainer's command line."""
    job_dir = {"job-dir": spec.output} if spec.pass_job_dir else {}
    service_args = {**_suggested(spec), **job_dir}
    tokens = [token for name, value in service_args.items() for token in _tokens(spec, name, value)]
    if spec.program.module is None:
        return [*(spec.program.command or spec.program.entrypoint), *spec.user_args, *tokens]
    start = [spec.program.python or sys.executable, str(LAUNCH), spec.program.module]
    return [*start, *spec.user_args, *tokens]


def _tokens(spec: TrialSpec, name: str, value: str) -> list[str]:
    if name in spec.switches:
        return [f"--{name}"] if value.lower() == "true" else []
    one_token = spec.program.module is None or spec.service is Service.VERTEX_AI
    return [f"--{name}={value}"] if one_token else [f"--{name}", value]


def _suggested(spec: TrialSpec) -> dict[str, str]:
    """Returns the suggestion as the trainer's parser takes it, whoever wrote its numbers."""
    params = spec.training_input.get("hyperparameters", {}).get("params", ())
    texts = {each["parameterName"] for each in params if each.get("type") == "CATEGORICAL"}
    return {n: v if n in texts else without_exponent(v) for n, v in spec.parameters.items()}
