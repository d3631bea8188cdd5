"""TrainingInput and all it holds, with ML Engine's field names and the meaning of each field's text.

Three fields are not ML Engine's: what only Vertex AI's job files say is kept in them (``service``, ``env``,
``measurementSelectionType``).

Every field may be missing here: what a job needs, and which values go together, is said in checks.py, so
that one bad field does not hide the faults of its neighbours. Enumerations are in the order of ML Engine's
protocol buffers, whose numbers a job file may use in place of the names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from hptune.job.fields import AnyMapping, Count, Duration, Flag, Number, Numbers, Text, Texts, member_reader


class GoalType(StrEnum):
    """Which way the objective is to go."""

    UNSPECIFIED = "GOAL_TYPE_UNSPECIFIED"
    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"


class ParameterType(StrEnum):
    """What a parameter's values are."""

    UNSPECIFIED = "PARAMETER_TYPE_UNSPECIFIED"
    DOUBLE = "DOUBLE"
    INTEGER = "INTEGER"
    CATEGORICAL = "CATEGORICAL"
    DISCRETE = "DISCRETE"


class ScaleType(StrEnum):
    """How a numeric parameter's values are spread."""

    NONE = "NONE"
    LINEAR = "UNIT_LINEAR_SCALE"
    LOG = "UNIT_LOG_SCALE"
    REVERSE_LOG = "UNIT_REVERSE_LOG_SCALE"


class Algorithm(StrEnum):
    """What suggests the trials."""

    BAYESIAN = "ALGORITHM_UNSPECIFIED"
    GRID_SEARCH = "GRID_SEARCH"
    RANDOM_SEARCH = "RANDOM_SEARCH"
    POPULATION_BASED_TRAINING = "POPULATION_BASED_TRAINING"


class Service(StrEnum):
    """Whose job file it is, and so how a trainer is told of its trial."""

    ML_ENGINE = "ML_ENGINE"
    VERTEX_AI = "VERTEX_AI"


class MeasurementSelection(StrEnum):
    """Which of its measurements judges a trial, as Vertex AI lets a job say."""

    UNSPECIFIED = "MEASUREMENT_SELECTION_TYPE_UNSPECIFIED"
    LAST = "LAST_MEASUREMENT"
    BEST = "BEST_MEASUREMENT"


class Spec(BaseModel):
    """A mapping of the job file; fields nobody knows are left out, and warned about elsewhere."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class AcceleratorConfig(Spec):
    """Accelerators of one machine."""

    count: Count | None = None
    type: Text | None = None


class DiskConfig(Spec):
    """Boot disk of one machine."""

    boot_disk_type: Text | None = None
    boot_disk_size_gb: Count | None = None


class EnvVar(Spec):
    """An environment variable of the trainer, as Vertex AI lets a job set them."""

    name: Text | None = None
    value: Text | None = None


class ReplicaConfig(Spec):
    """Accelerators and container of one kind of machine."""

    accelerator_config: AcceleratorConfig | None = None
    image_uri: Text | None = None
    container_command: Texts | None = None
    container_args: Texts | None = None
    env: list[EnvVar] | None = None
    disk_config: DiskConfig | None = None
    tpu_tf_version: Text | None = None


class Scheduling(Spec):
    """How long a job may run and wait."""

    max_running_time: Duration | None = None
    max_wait_time: Duration | None = None
    priority: Count | None = None


class EncryptionConfig(Spec):
    """Key of the customer's own."""

    kms_key_name: Text | None = None


class ParameterSpec(Spec):
    """One tuned parameter."""

    parameter_name: Text | None = None
    type: Annotated[ParameterType, BeforeValidator(member_reader(ParameterType))] | None = None
    min_value: Number | None = None
    max_value: Number | None = None
    categorical_values: Texts | None = None
    discrete_values: Numbers | None = None
    scale_type: Annotated[ScaleType, BeforeValidator(member_reader(ScaleType))] | None = None


class HyperparameterSpec(Spec):
    """What is tuned, towards what, and for how long."""

    goal: Annotated[GoalType, BeforeValidator(member_reader(GoalType))] | None = None
    params: list[ParameterSpec] | None = None
    max_trials: Count | None = None
    max_parallel_trials: Count | None = None
    max_failed_trials: Count | None = None
    hyperparameter_metric_tag: Text | None = None
    resume_previous_job_id: Text | None = None
    enable_trial_early_stopping: Flag | None = None
    algorithm: Annotated[Algorithm, BeforeValidator(member_reader(Algorithm))] | None = None
    measurement_selection_type: (
        Annotated[MeasurementSelection, BeforeValidator(member_reader(MeasurementSelection))] | None
    ) = None


class TrainingInput(Spec):
    """A training job."""

    scale_tier: Text | None = None
    master_type: Text | None = None
    worker_type: Text | None = None
    parameter_server_type: Text | None = None
    evaluator_type: Text | None = None
    worker_count: Count | None = None
    parameter_server_count: Count | None = None
    evaluator_count: Count | None = None
    master_config: ReplicaConfig | None = None
    worker_config: ReplicaConfig | None = None
    parameter_server_config: ReplicaConfig | None = None
    evaluator_config: ReplicaConfig | None = None
    package_uris: Texts | None = None
    python_module: Text | None = None
    args: Texts | None = None
    hyperparameters: HyperparameterSpec | None = None
    region: Text | None = None
    job_dir: Text | None = None
    runtime_version: Text | None = None
    python_version: Text | None = None
    network: Text | None = None
    service_account: Text | None = None
    enable_web_access: Flag | None = None
    use_chief_in_tf_config: Flag | None = None
    encryption_config: EncryptionConfig | None = None
    nas_job_spec: AnyMapping | None = None
    scheduling: Scheduling | None = None
    service: Annotated[Service, BeforeValidator(member_reader(Service))] | None = None


JOB_FIELDS = frozenset(
    {
        "createTime",
        "endTime",
        "errorMessage",
        "etag",
        "jobId",
        "jobPosition",
        "labels",
        "predictionInput",
        "predictionOutput",
        "startTime",
        "state",
        "trainingInput",
        "trainingOutput",
    }
)
"""Fields beside ``trainingInput`` in a file with that wrapper."""

IDLE_JOB_FIELDS = frozenset({"labels", "predictionInput"})
"""Fields that asked for something of the service; the others are what it answered."""
