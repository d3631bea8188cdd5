"""hptune.yaml -> TuningJob: what Cloud ML Engine called a training job with hyperparameters.

Vertex AI's HyperparameterTuningJob is read as well, and becomes one.

Field names and their meaning are ML Engine's. Whatever its client took is taken; what is wrong is reported
all at once, each fault with its line; what is merely odd or without effect here becomes a warning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from hptune.errors import Fault, JobFileError
from hptune.job.checks import (
    check_environment,
    check_machine,
    check_module,
    check_replicas,
    check_tuning,
    read_training_input,
    warn_not_honoured,
)
from hptune.job.document import plain_document, read_document
from hptune.job.findings import WRAPPER, Findings
from hptune.job.machines import Machine
from hptune.job.overrides import Override
from hptune.job.previous_job import inherited
from hptune.job.replicas import Replicas, Role
from hptune.job.schema import (
    Algorithm,
    GoalType,
    HyperparameterSpec,
    MeasurementSelection,
    ReplicaConfig,
    Service,
    TrainingInput,
)
from hptune.job.vertex.translation import is_vertex, read_vertex, vertex_name
from hptune.results.study import Goal
from hptune.search.space import SearchSpace

DEFAULT_METRIC_TAG = "training/hptuning/metric"
MAX_FILE_BYTES = 2**18
MAX_TRAINING_INPUT_CHARACTERS = 100_000
"""Linux holds an argument and an environment variable to 128 KiB, and TF_CONFIG has more in it than this."""

_ABSENT = "(not given)"


@dataclass(frozen=True)
class TuningJob:
    """A tuning job as its file describes it, defaults filled in.

    Attributes:
        source: What the file is called in messages.
        goal: Which way the objective is to go.
        metric: The objective's tag, matched exactly.
        max_trials: Trials in all.
        max_parallel_trials: Trials at once; may exceed ``max_trials``.
        max_failed_trials: Failed trials after which the job fails; 0 leaves it to the service's own rule.
        algorithm: What suggests the trials.
        early_stopping: Whether hopeless trials are stopped.
        resume_previous_job_id: The job whose trials this one starts from.
        best_counts: Whether a trial's best measurement judges it; None leaves it to the command line.
        service: Whose job file it is.
        space: What is tuned.
        args: The user's arguments to the trainer.
        python_module: The trainer, as in ``python -m``.
        package_uris: Packages to install first.
        job_dir: Where the job writes.
        max_running_time_s: Limit of the job's running time in seconds; None where the file sets none.
        machine: What a trial's master runs on.
        replicas: The trial's tasks beside the master.
        image_uri: The trainer's container image.
        container_command: Replaces the image's entry point; empty keeps it.
        container_args: Replaces the image's arguments; empty keeps them.
        training_input: The training input as given: documented camelCase names, numbers, flags and lists as
            JSON has them, unknown fields and nulls left out.
        warnings: What a person should know, each with its place.
    """

    source: str
    goal: Goal
    metric: str
    max_trials: int
    max_parallel_trials: int
    max_failed_trials: int
    algorithm: Algorithm
    early_stopping: bool
    resume_previous_job_id: str | None
    best_counts: bool | None
    service: Service
    space: SearchSpace
    args: tuple[str, ...]
    python_module: str | None
    package_uris: tuple[str, ...]
    job_dir: str | None
    max_running_time_s: float | None
    machine: Machine
    replicas: tuple[Replicas, ...]
    image_uri: str | None
    container_command: tuple[str, ...]
    container_args: tuple[str, ...]
    training_input: dict[str, Any]
    warnings: tuple[str, ...]

    def field(self, name: str) -> str:
        """Returns what the job file calls a field of the training input, both dotted."""
        return vertex_name(name) if self.service is Service.VERTEX_AI else name

    def word(self, name: str) -> str:
        """Returns what the job file calls a field of the training input, without its path."""
        return self.field(name).rpartition(".")[2]

    def place(self, name: str) -> str:
        """Returns where in the job file a field of the training input is, both dotted."""
        return self.field(name) if self.service is Service.VERTEX_AI else f"{WRAPPER}.{name}"

    def explain(self, difference: str) -> str:
        """Returns a line of `differences` with the field that the job file calls it."""
        name, colon, values = difference.partition(": ")
        inner = name.removeprefix(f"{WRAPPER}.")
        return difference if inner == name else f"{self.place(inner)}{colon}{values}"

    @property
    def task_counts(self) -> dict[Role, int]:
        """How many tasks a trial has beside its master, by role."""
        return {each.role: each.count for each in self.replicas}


def _to_json(job: TuningJob) -> dict[str, Any]:
    return {"source": job.source, "trainingInput": job.training_input, "warnings": list(job.warnings)}


def _from_json(content: dict[str, Any]) -> TuningJob:
    job = parse_training_input(content["trainingInput"], content["source"])
    # As they were: they name lines of a file that is not here.
    return replace(job, warnings=tuple(content["warnings"]))


JsonTuningJob = Annotated[TuningJob, PlainSerializer(_to_json), PlainValidator(_from_json)]
"""A job as a field of what has a JSON form: its training input, its source and its warnings."""


Inherit = Callable[[str, str | None], HyperparameterSpec | None]
"""The hyperparameters of an earlier job, by its id and this file's own jobDir; None where it is not known."""


def load_job(
    path: Path, overrides: Sequence[Override] = (), inherit: Inherit = lambda _, __: None
) -> TuningJob:
    """Reads a job file, YAML or JSON.

    Args:
        path: The file.
        overrides: Fields that flags set.
        inherit: Knows the job of resumePreviousJobId, whose parameters, goal and tag count where the file
            has none.

    Raises:
        JobFileError: It cannot be read or is not a tuning job; carries every fault.
    """
    return parse_job(_read_text(path), str(path), overrides, inherit)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise JobFileError(Fault(str(path), "there is no such file")) from None
    except IsADirectoryError:
        raise JobFileError(Fault(str(path), "is a directory; must be a YAML or JSON file")) from None
    except OSError as error:
        raise JobFileError(Fault(str(path), f"cannot be read: {error.strerror}")) from error
    if len(content) > MAX_FILE_BYTES:
        raise JobFileError(
            Fault(str(path), f"is larger than {MAX_FILE_BYTES} bytes, the most a job file may have")
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        raise JobFileError(Fault(f"{path}:{line}", problem)) from error


def parse_job(
    text: str, source: str, overrides: Sequence[Override] = (), inherit: Inherit = lambda _, __: None
) -> TuningJob:
    """Reads a job file's text.

    Args:
        text: YAML or JSON, with or without the ``trainingInput`` wrapper, or Vertex AI's.
        source: What to call it in messages.
        overrides: Fields that flags set.
        inherit: Knows the job of resumePreviousJobId.

    Raises:
        JobFileError: It is not a tuning job; carries every fault.
    """
    document = read_document(text, source)
    if is_vertex(document.data):
        return _read(read_vertex(document, source, overrides), inherit)
    return _read(Findings(source, document, overrides), inherit)


def _read(findings: Findings, inherit: Inherit) -> TuningJob:
    training = _completed(read_training_input(findings), inherit)
    machine = check_machine(training, findings)
    replicas = check_replicas(training, findings)
    check_module(training, findings)
    check_environment(training, findings)
    tuning, space = check_tuning(training, findings)
    if findings.faulty or machine is None:
        findings.fail()
    given = training.model_dump(mode="json", by_alias=True, exclude_none=True)
    _check_length(given, findings.source)
    warn_not_honoured(given, findings)
    return _job(findings.source, training, tuning, space, machine, replicas, given, findings)


def _completed(training: TrainingInput, inherit: Inherit) -> TrainingInput:
    tuning = training.hyperparameters
    if not tuning or not tuning.resume_previous_job_id:
        return training
    earlier = inherit(tuning.resume_previous_job_id, training.job_dir)
    return (
        training.model_copy(update={"hyperparameters": inherited(tuning, earlier)}) if earlier else training
    )


def parse_training_input(training_input: Mapping[str, object], source: str) -> TuningJob:
    """Reads the job of a training input, as ``TuningJob.training_input`` has it.

    Args:
        training_input: By ML Engine's field names.
        source: What to call it in messages.

    Raises:
        JobFileError: It is not a tuning job; carries every fault.
    """
    return _read(Findings(source, plain_document(training_input)), lambda _, __: None)


def _check_length(given: dict[str, Any], source: str) -> None:
    length = len(json.dumps(given))
    if length > MAX_TRAINING_INPUT_CHARACTERS:
        allowed = f"must be at most {MAX_TRAINING_INPUT_CHARACTERS}, for trials get it in TF_CONFIG"
        raise JobFileError(Fault(source, f"is {length} characters long as JSON; {allowed}"))


def _job(
    source: str,
    training: TrainingInput,
    tuning: HyperparameterSpec,
    space: SearchSpace,
    machine: Machine,
    replicas: tuple[Replicas, ...],
    given: dict[str, Any],
    findings: Findings,
) -> TuningJob:
    master = training.master_config or ReplicaConfig()
    limit = training.scheduling.max_running_time if training.scheduling else None
    return TuningJob(
        source=source,
        goal=Goal.MINIMIZE if tuning.goal is GoalType.MINIMIZE else Goal.MAXIMIZE,
        metric=tuning.hyperparameter_metric_tag or DEFAULT_METRIC_TAG,
        max_trials=tuning.max_trials or 1,
        max_parallel_trials=tuning.max_parallel_trials or 1,
        max_failed_trials=tuning.max_failed_trials or 0,
        algorithm=tuning.algorithm or Algorithm.BAYESIAN,
        early_stopping=bool(tuning.enable_trial_early_stopping),
        resume_previous_job_id=tuning.resume_previous_job_id or None,
        best_counts=_best_counts(tuning.measurement_selection_type),
        service=training.service or Service.ML_ENGINE,
        space=space,
        args=tuple(training.args or ()),
        python_module=training.python_module,
        package_uris=tuple(training.package_uris or ()),
        job_dir=training.job_dir or None,
        max_running_time_s=float(limit.removesuffix("s")) if limit else None,
        machine=machine,
        replicas=replicas,
        image_uri=master.image_uri or None,
        container_command=tuple(master.container_command or ()),
        container_args=tuple(master.container_args or ()),
        training_input=given,
        warnings=tuple(findings.warnings),
    )


def _best_counts(selection: MeasurementSelection | None) -> bool | None:
    if selection in (None, MeasurementSelection.UNSPECIFIED):
        return None
    return selection is MeasurementSelection.BEST


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Tells field by field what ``new`` changes in ``old``: ``hyperparameters.maxTrials: 10 -> 20``.

    Args:
        old: A training input, as in ``TuningJob.training_input``.
        new: Another training input.

    Returns:
        One line a field, in the order of ``old`` and then of ``new``; empty where they are equal.
    """
    return _differences("", old, new)


def _differences(place: str, old: Any, new: Any) -> list[str]:  # noqa: ANN401
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f"{place}.{key}" if place else key, old.get(key), new.get(key)) for key in {**old, **new}]
    elif _mappings(old) and _mappings(new):
        length = max(len(old), len(new))
        old, new = old + [None] * (length - len(old)), new + [None] * (length - len(new))
        pairs = [(f"{place}[{i}]", old[i], new[i]) for i in range(length)]
    else:
        return [] if old == new else [f"{place}: {_shown(old)} -> {_shown(new)}"]
    return [line for pair in pairs for line in _differences(*pair)]


def _mappings(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _shown(value: Any) -> str:  # noqa: ANN401
    return _ABSENT if value is None else json.dumps(value, ensure_ascii=False)
