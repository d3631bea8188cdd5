"""HyperparameterTuningJob and all it holds, with Vertex AI's field names: aiplatform.googleapis.com/v1.

What a job has no use for here is any value: it is only named in a warning. Enumerations may be the numbers of
the protocol buffers, as ``HyperparameterTuningJob.to_dict`` of Google's client writes them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator

from hptune.job.fields import AnyMapping, Count, Duration, Flag, Number, Numbers, Text, Texts, member_reader
from hptune.job.schema import EnvVar, GoalType, MeasurementSelection, Spec


class Algorithm(StrEnum):
    """What suggests the trials."""

    UNSPECIFIED = "ALGORITHM_UNSPECIFIED"
    GRID_SEARCH = "GRID_SEARCH"
    RANDOM_SEARCH = "RANDOM_SEARCH"


class ScaleType(StrEnum):
    """How a numeric parameter's values are spread."""

    UNSPECIFIED = "SCALE_TYPE_UNSPECIFIED"
    LINEAR = "UNIT_LINEAR_SCALE"
    LOG = "UNIT_LOG_SCALE"
    REVERSE_LOG = "UNIT_REVERSE_LOG_SCALE"


_ALGORITHM_NUMBERS = {0: Algorithm.UNSPECIFIED, 2: Algorithm.GRID_SEARCH, 3: Algorithm.RANDOM_SEARCH}
_ACCELERATORS = (
    *("", "NVIDIA_TESLA_K80", "NVIDIA_TESLA_P100", "NVIDIA_TESLA_V100", "NVIDIA_TESLA_P4"),
    *("NVIDIA_TESLA_T4", "TPU_V2", "TPU_V3", "NVIDIA_TESLA_A100", "NVIDIA_A100_80GB", "TPU_V4_POD"),
    *("NVIDIA_L4", "TPU_V5_LITEPOD", "NVIDIA_H100_80GB"),
)


def _read_accelerator(value: object) -> object:
    """Reads an accelerator's name or number; the one that stands for none is empty."""
    if isinstance(value, str) and value.isdecimal() and int(value) < len(_ACCELERATORS):
        return _ACCELERATORS[int(value)]
    return "" if value == "ACCELERATOR_TYPE_UNSPECIFIED" else value


class MetricSpec(Spec):
    """The objective."""

    metric_id: Text | None = None
    goal: Annotated[GoalType, BeforeValidator(member_reader(GoalType))] | None = None
    safety_config: Any = None


class RangeSpec(Spec):
    """Range of a number."""

    min_value: Number | None = None
    max_value: Number | None = None
    default_value: Any = None


class CategoricalValueSpec(Spec):
    """Texts to choose from."""

    values: Texts | None = None
    default_value: Any = None


class DiscreteValueSpec(Spec):
    """Numbers to choose from."""

    values: Numbers | None = None
    default_value: Any = None


class ParameterSpec(Spec):
    """One tuned parameter."""

    parameter_id: Text | None = None
    scale_type: Annotated[ScaleType, BeforeValidator(member_reader(ScaleType))] | None = None
    double_value_spec: RangeSpec | None = None
    integer_value_spec: RangeSpec | None = None
    categorical_value_spec: CategoricalValueSpec | None = None
    discrete_value_spec: DiscreteValueSpec | None = None
    conditional_parameter_specs: list[Any] | None = None


class MedianAutomatedStoppingSpec(Spec):
    """Stops a trial that is worse than the median of the others."""

    use_elapsed_duration: Flag | None = None


class StudySpec(Spec):
    """What is tuned, and towards what."""

    metrics: list[MetricSpec] | None = None
    parameters: list[ParameterSpec] | None = None
    algorithm: Annotated[Algorithm, BeforeValidator(member_reader(Algorithm, _ALGORITHM_NUMBERS))] | None = (
        None
    )
    measurement_selection_type: (
        Annotated[MeasurementSelection, BeforeValidator(member_reader(MeasurementSelection))] | None
    ) = None
    median_automated_stopping_spec: MedianAutomatedStoppingSpec | None = None
    decay_curve_stopping_spec: AnyMapping | None = None
    convex_automated_stopping_spec: AnyMapping | None = None
    convex_stop_config: AnyMapping | None = None
    observation_noise: Text | None = None
    study_stopping_config: Any = None
    transfer_learning_config: Any = None


class MachineSpec(Spec):
    """One machine."""

    machine_type: Text | None = None
    accelerator_type: Annotated[Text, BeforeValidator(_read_accelerator)] | None = None
    accelerator_count: Count | None = None
    tpu_topology: Any = None
    reservation_affinity: Any = None
    gpu_partition_size: Any = None
    min_gpu_driver_version: Any = None


class ContainerSpec(Spec):
    """A trainer that is an image."""

    image_uri: Text | None = None
    command: Texts | None = None
    args: Texts | None = None
    env: list[EnvVar] | None = None


class PythonPackageSpec(Spec):
    """A trainer that is a module of packages, in an image of Google's."""

    executor_image_uri: Text | None = None
    package_uris: Texts | None = None
    python_module: Text | None = None
    args: Texts | None = None
    env: list[EnvVar] | None = None


class WorkerPoolSpec(Spec):
    """Machines of one kind, and what they run."""

    container_spec: ContainerSpec | None = None
    python_package_spec: PythonPackageSpec | None = None
    machine_spec: MachineSpec | None = None
    replica_count: Count | None = None
    disk_spec: Any = None
    nfs_mounts: Any = None
    lustre_mounts: Any = None


class Scheduling(Spec):
    """How long a trial may run and wait."""

    timeout: Duration | None = None
    restart_job_on_worker_restart: Any = None
    strategy: Any = None
    disable_retries: Any = None
    max_wait_duration: Any = None


class GcsDestination(Spec):
    """A place to write to."""

    output_uri_prefix: Text | None = None


class CustomJobSpec(Spec):
    """What each trial runs."""

    worker_pool_specs: list[WorkerPoolSpec] | None = None
    scheduling: Scheduling | None = None
    base_output_directory: GcsDestination | None = None
    service_account: Any = None
    network: Any = None
    reserved_ip_ranges: Any = None
    psc_interface_config: Any = None
    protected_artifact_location_id: Any = None
    persistent_resource_id: Any = None
    tensorboard: Any = None
    enable_web_access: Any = None
    enable_dashboard_access: Any = None
    experiment: Any = None
    experiment_run: Any = None
    models: Any = None


class HyperparameterTuningJob(Spec):
    """A tuning job; the fields that the service alone wrote are known, and say nothing here."""

    study_spec: StudySpec | None = None
    trial_job_spec: CustomJobSpec | None = None
    max_trial_count: Count | None = None
    parallel_trial_count: Count | None = None
    max_failed_trial_count: Count | None = None
    display_name: Any = None
    labels: Any = None
    encryption_spec: Any = None
    name: Any = None
    state: Any = None
    trials: Any = None
    create_time: Any = None
    start_time: Any = None
    end_time: Any = None
    update_time: Any = None
    error: Any = None
    satisfies_pzs: Any = None
    satisfies_pzi: Any = None
