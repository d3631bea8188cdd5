"""What one trial is given: its arguments and its environment, as ML Engine gave them.

The user's arguments come first and the tuned ones after them, so that the last wins; two tokens
(``--lr 0.01``) for Python packages and one (``--lr=0.01``) for commands; ``--job-dir`` is the trial's own.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict

from hptune.job.submission import Program, Submission
from hptune.runtimes import LAUNCH
from hptune.search.space import without_exponent
from hptune.storage.job_dir import TrialDir
from hptune.storage.json_form import JSON_FORM, JsonForm

# ML Engine's master listened here.
_MASTER_PORT = 2222
_CHIEF_SINCE = (2, 1)


@dataclass(frozen=True)
class Pod:
    """What a trial's pod is to do around the trainer.

    Katib fills in what it knows only when it makes the pod: the trial's name, as ``trial_id``, and the values
    of the parameters, encoded by `hptune.trial.pod.encoding`. In paths ``{trial_id}`` stands for the number.

    Attributes:
        trial_prefix: What stands in front of the number in the trial's name, where it does.
        collector_file: Where Katib's collector looks for measurements; None for nowhere.
        message_file: Where the outcome goes, as Kubernetes' termination message; None for nowhere.
        upload_to: The job's address, for what the trial leaves; None where its directories outlive the pod.
        packages: The trainer's packages, each ``URI`` or ``URI#sha256=HEX``.
        fetch_inputs: Whether to fetch what the user's arguments name.
    """

    trial_prefix: str = ""
    collector_file: Path | None = None
    message_file: Path | None = None
    upload_to: str | None = None
    packages: tuple[str, ...] = ()
    fetch_inputs: bool = False


@dataclass(frozen=True)
class TrialSpec:
    """All that one trial needs to run.

    Attributes:
        trial_id: Counted from 1; a string, as trainers see it.
        job_id: The job's name.
        metric: The objective's tag.
        program: What to run.
        user_args: The user's own arguments.
        parameters: The suggestion: name to value as text.
        directory: The trial's paths.
        pass_job_dir: Whether the trainer is given ``--job-dir``; the service did so when the job had one.
        training_input: The job's training input, for TF_CONFIG.
        time_limit_s: Seconds after which the trainer is stopped; None for no limit.
        pod: What its pod is to do besides; None on this machine.
        switches: Parameters that are flags without a value.
    """

    __pydantic_config__: ClassVar[ConfigDict] = JSON_FORM

    trial_id: str
    job_id: str
    metric: str
    program: Program
    directory: TrialDir
    user_args: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    pass_job_dir: bool = True
    training_input: Mapping[str, Any] = field(default_factory=dict)
    time_limit_s: float | None = None
    pod: Pod | None = None
    switches: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        submission: Submission,
        trial_id: int | str,
        parameters: Mapping[str, str],
        directory: TrialDir,
        pod: Pod | None = None,
    ) -> TrialSpec:
        """What runs a submission's trainer as one trial.

        Args:
            submission: The job.
            trial_id: The number that the trainer sees.
            parameters: The suggestion: name to value as text.
            directory: Where it runs.
            pod: What its pod is to do; None on this machine.
        """
        return cls(
            trial_id=str(trial_id),
            job_id=submission.name,
            metric=submission.job.metric,
            program=submission.program,
            directory=directory,
            user_args=submission.user_args,
            parameters=parameters,
            pass_job_dir=submission.pass_job_dir,
            training_input=submission.job.training_input,
            time_limit_s=submission.job.max_running_time_s,
            pod=pod,
            switches=submission.switches,
        )

    def argv(self) -> list[str]:
        """The trainer's command line."""
        job_dir = {"job-dir": str(self.directory.output)} if self.pass_job_dir else {}
        service_args = {**self._arguments(), **job_dir}
        tokens = [token for name, value in service_args.items() for token in self._tokens(name, value)]
        if self.program.module is None:
            return [*self.program.command, *self.user_args, *tokens]
        start = [self.program.python or sys.executable, str(LAUNCH), self.program.module]
        return [*start, *self.user_args, *tokens]

    def _tokens(self, name: str, value: str) -> list[str]:
        if name in self.switches:
            return [f"--{name}"] if value.lower() == "true" else []
        return [f"--{name}={value}"] if self.program.module is None else [f"--{name}", value]

    def _arguments(self) -> dict[str, str]:
        """The suggestion as the trainer's parser takes it, whoever wrote its numbers."""
        params = self.training_input.get("hyperparameters", {}).get("params", ())
        texts = {each["parameterName"] for each in params if each.get("type") == "CATEGORICAL"}
        return {n: v if n in texts else without_exponent(v) for n, v in self.parameters.items()}

    def environment(self, base: Mapping[str, str], port: int = _MASTER_PORT) -> dict[str, str]:
        """``base`` and what ML Engine set on top of it.

        Args:
            base: The environment around the trainer.
            port: Where its TensorFlow server would listen. One machine has no other task that would connect
                to it, but TensorFlow 1 refuses a task type without a cluster.
        """
        job = json.dumps(_snake_case(self.training_input))
        role = "chief" if _has_chief(self.training_input) else "master"
        task = {"type": role, "index": 0, "trial": self.trial_id}
        cluster = {role: [f"127.0.0.1:{port}"]}
        config = json.dumps(
            {"cluster": cluster, "task": task, "job": json.loads(job), "environment": "cloud"}
        )
        python_path = [
            *self.program.python_path,
            *filter(None, (base.get("PYTHONPATH"), self.program.variables.get("PYTHONPATH"))),
        ]
        return {
            **base,
            **self.program.variables,
            "TF_CONFIG": config,
            # What containers were told in place of it.
            **({"CLUSTER_SPEC": config} if self.program.module is None else {}),
            "CLOUD_ML_JOB": job,
            "CLOUD_ML_JOB_ID": self.job_id,
            "CLOUD_ML_TRIAL_ID": self.trial_id,
            "CLOUD_ML_HP_METRIC_TAG": self.metric,
            "CLOUD_ML_HP_METRIC_FILE": str(self.directory.metric_file),
            "PYTHONPATH": os.pathsep.join(python_path),
            "HPTUNE_TRIAL_DIR": str(self.directory.output),
            **self._path(base),
            # A progress line must be in the log when it is printed, not when a buffer is full.
            "PYTHONUNBUFFERED": "1",
        }

    def _path(self, base: Mapping[str, str]) -> dict[str, str]:
        """PATH, so that a command's ``python`` and what trainers start are the runtime's.

        hptune's own comes last: where its environment is not active, ``python`` may be on PATH nowhere else.
        """
        own = self.program.python
        folders = (*((_folder(own),) if own else ()), base.get("PATH", os.defpath), _folder(sys.executable))
        return {"PATH": os.pathsep.join(folders)}


TRIAL_FORM = JsonForm(TrialSpec)
"""A trial as JSON: the document that `hptune.trial.command` hands to the program that runs it."""


def _folder(python: str) -> str:
    return str(Path(python).absolute().parent)


def _has_chief(training_input: Mapping[str, Any]) -> bool:
    """Whether TF_CONFIG calls the master a chief: as the job says, else from runtime version 2.1 on."""
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
