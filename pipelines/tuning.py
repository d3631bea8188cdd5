"""The pipeline for any trainer: download -> preprocess -> tune -> train -> report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import json_format
from kfp import compiler, dsl, kubernetes
from kfp.dsl.base_component import BaseComponent
from kfp.dsl.pipeline_task import PipelineTask

from components.download.component import download
from components.images import HPTUNE_IMAGE, TRAINER_IMAGE
from components.preprocess.component import preprocess
from components.report.component import report
from components.train.component import train
from components.tune.component import tune
from hptune.backends.katib.experiment.resources import ACCELERATOR_LABEL, GPU
from hptune.backends.katib.options import KatibOptions
from hptune.job.tuning_job import TuningJob

NAME = "hptune"
OBJECT_STORE_SECRET = "hptune-object-store"  # noqa: S105  (its name)
OBJECT_STORE_KEYS = (
    *("MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"),
    *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
)

# All options by their names, since KFP's form shows no descriptions; without a namespace the run's own.
_KATIB = {**KatibOptions.form(), "namespace": "", "image": TRAINER_IMAGE, "hptune_image": HPTUNE_IMAGE}
_LIGHT_CPU, _LIGHT_MEMORY = "250m", "512Mi"
CPU, MEMORY = "500m", "1Gi"
"""What a step that trains asks for by default, which the smallest nodes have."""
_RETRIES, _RETRY_PAUSE = 2, "30s"
# KFP cannot tell a node that went away from a trainer that cannot run, and a whole training is long.
_RETRIES_OF_TRAINING = 1


@dataclass(frozen=True)
class Preset:
    """What a pipeline's form begins with.

    Attributes:
        name: The pipeline's name.
        defaults: Values of its parameters, by name.
        package_path: Directory of the trainer's package on this machine; images have it installed.
    """

    name: str = NAME
    defaults: Mapping[str, Any] = field(default_factory=dict)
    package_path: Path | None = None


@dataclass(frozen=True)
class Cluster:
    """How a cluster runs the steps, which is settled when the pipeline is compiled.

    Attributes:
        gpus: GPUs of each step that trains; with 0 none asks for any.
        gpu_resource: The resource's name of those.
        gke_accelerator: GKE's name of their type, for the default node selector; None for any.
        backend: Where trials run by default; with katib the tune step only watches, and asks for no GPU.
        cpu: CPUs that each step that trains asks for, as Kubernetes writes them; it may take more.
        memory: Memory likewise.
    """

    gpus: int = 0
    gpu_resource: str = GPU
    gke_accelerator: str | None = None
    backend: str = "local"
    cpu: str = CPU
    memory: str = MEMORY

    @property
    def defaults(self) -> dict[str, Any]:
        """Of the pipeline's parameters, those that depend on the cluster."""
        # Kubernetes' word for what a GPU node is marked with, so that only pods that need a GPU go there.
        toleration = {"key": self.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}
        selects = self.gpus and self.gke_accelerator
        return {
            "backend": self.backend,
            "trainer_node_selector": {ACCELERATOR_LABEL: self.gke_accelerator} if selects else {},
            "trainer_tolerations": [toleration] if self.gpus else [],
        }


class Outputs(NamedTuple):
    """What a run leaves.

    Attributes:
        study: The tuning job's trials, as JSON.
        final_metrics: What the training with the best parameters measured.
        page: The report.
        summary: The report in short.
        model: What the trainer wrote then.
    """

    study: dsl.Artifact
    final_metrics: dsl.Metrics
    page: dsl.HTML
    summary: dsl.Markdown
    model: dsl.Model


class _Tasks(NamedTuple):
    """The steps of a run."""

    downloaded: PipelineTask
    prepared: PipelineTask
    tuned: PipelineTask
    trained: PipelineTask
    reported: PipelineTask


def build(cluster: Cluster | None = None) -> BaseComponent:
    """Builds the pipeline.

    Args:
        cluster: Where its steps run; None for this machine, which heeds no settings of Kubernetes.
    """

    # KFP's form sorts the parameters by their names: these begin with what they belong to.
    @dsl.pipeline(name=NAME)
    def tuning(
        data: str,
        job_file: str,
        job_name: str,
        backend: str = "local",
        data_sha256: str = "",
        data_validation_fraction: float = 1 / 6,
        job_dir: str = "",
        job_max_parallel_trials: int = 0,
        job_max_trials: int = 0,
        job_seed: int = 0,
        katib: dict[str, Any] = _KATIB,
        katib_delete_on_cancel: bool = False,
        trainer_args: list[str] = [],  # noqa: B006  (kfp reads the default and never calls with it)
        trainer_data_flag: str = "--train-file",
        trainer_module: str = "",
        trainer_node_selector: dict[str, str] = {},  # noqa: B006
        trainer_package_path: str = "",
        trainer_tolerations: list[dict[str, str]] = [],  # noqa: B006
    ) -> Outputs:
        """Tunes a trainer written for Cloud ML Engine, then trains it with the best parameters.

        Args:
            data: Path or URI (https, gs, s3) of a data set, or the name of one that hptune knows.
            job_file: The text of hptune.yaml, or the same as JSON.
            job_name: The job's name.
            backend: Where trials run. local: in the tune step's own pod, on its GPUs. katib: in pods of
                their own, which the step watches.
            data_sha256: The checksum that the data's content must have; empty for any.
            data_validation_fraction: Share of the training part that trials are measured on; 0 measures them
                on the test part.
            job_dir: Directory or URI that outlives the run, so that a second run takes the job up; empty for
                none. Katib's trials need one that they can reach, gs://bucket/job for one.
            job_max_parallel_trials: Replaces the job file's maxParallelTrials; 0 keeps it.
            job_max_trials: Replaces the job file's maxTrials; 0 keeps it.
            job_seed: Seed of the split and of the suggestions.
            katib: What the cluster is told with katib: the options of hptune submit as a JSON object, empty
                for their defaults.
            katib_delete_on_cancel: Whether the job ends with katib when the run is stopped; else it goes on.
            trainer_args: The trainer's own arguments, a JSON list of texts; empty for those of the job file.
            trainer_data_flag: The flag that tells the trainer of its data file; empty where it has none.
            trainer_module: The trainer's module; empty where the job file names it.
            trainer_node_selector: Labels, a JSON object, of the nodes for the steps that train.
            trainer_package_path: Directory of the trainer's package; empty where the image has it installed.
            trainer_tolerations: Taints, a JSON list, that the steps that train accept.
        """
        trainer = {
            "module_name": trainer_module,
            "package_path": trainer_package_path,
            "trainer_args": trainer_args,
            "data_flag": trainer_data_flag,
        }
        downloaded = download(source=data, sha256=data_sha256)
        prepared = preprocess(
            data=downloaded.outputs["data"], validation_fraction=data_validation_fraction, seed=job_seed
        )
        tuned = tune(
            data=prepared.outputs["tune_data"],
            job_file=job_file,
            job_name=job_name,
            job_dir=job_dir,
            max_trials=job_max_trials,
            max_parallel_trials=job_max_parallel_trials,
            seed=job_seed,
            backend=backend,
            katib=katib,
            delete_on_cancel=katib_delete_on_cancel,
            **trainer,
        )
        study = tuned.outputs["study"]
        trained = train(data=prepared.outputs["final_data"], study=study, **trainer)
        reported = report(
            study=study,
            final_metrics=trained.outputs["metrics"],
            seed=job_seed,
            run=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
        )
        tasks = _Tasks(downloaded, prepared, tuned, trained, reported)
        # Its trials depend on what ran before, in the job's directory for one.
        tuned.set_caching_options(False)
        if cluster:
            _name(tasks)
            _place(tasks, cluster, trainer_node_selector, trainer_tolerations)
        return Outputs(
            study=study,
            final_metrics=trained.outputs["metrics"],
            page=reported.outputs["page"],
            summary=reported.outputs["summary"],
            model=trained.outputs["model"],
        )

    return tuning


def compile_(output: Path, cluster: Cluster, preset: Preset) -> None:
    """Writes the pipeline as a cluster takes it."""
    defaults = {**cluster.defaults, **preset.defaults}
    compiler.Compiler().compile(
        build(cluster),
        str(output),
        pipeline_name=preset.name,
        pipeline_display_name=f"{preset.name}: tune, then train with the best parameters",
        pipeline_parameters=defaults,
    )


def parameters() -> dict[str, dict[str, Any]]:
    """Returns the pipeline's parameters by name, each with its ``parameterType`` and its ``defaultValue``."""
    definitions = build().pipeline_spec.root.input_definitions
    content: dict[str, dict[str, Any]] = json_format.MessageToDict(definitions)["parameters"]
    return content


def on_one_line(job: TuningJob) -> str:
    """Writes a job file as JSON, which is YAML: kfp's compiler and form break defaults of several lines."""
    return json.dumps({"trainingInput": job.training_input})


def _name(tasks: _Tasks) -> None:
    tasks.downloaded.set_display_name("Download the data")
    tasks.prepared.set_display_name("Split the data")
    tasks.tuned.set_display_name("Tune")
    tasks.trained.set_display_name("Train with the best parameters")
    tasks.reported.set_display_name("Report")


def _place(
    tasks: _Tasks, cluster: Cluster, node_selector: dict[str, str], tolerations: list[dict[str, str]]
) -> None:
    """Asks the cluster for what each step needs."""
    watches = cluster.backend == "katib"
    for task in (tasks.downloaded, tasks.prepared, tasks.reported, *([tasks.tuned] if watches else [])):
        task.set_cpu_request(_LIGHT_CPU).set_memory_request(_LIGHT_MEMORY)
    # A pod may go with its node. No step changes anything but its own outputs, save for tune, which takes its
    # job up by name: no finished trial is run again as long as the job's directory is there.
    for task in tasks:
        retries = _RETRIES_OF_TRAINING if task is tasks.trained else _RETRIES
        task.set_retry(retries, backoff_duration=_RETRY_PAUSE)
    for task in (tasks.trained, *([] if watches else [tasks.tuned])):
        task.set_cpu_request(cluster.cpu).set_memory_request(cluster.memory)
        if cluster.gpus:
            task.set_accelerator_type(cluster.gpu_resource).set_accelerator_limit(str(cluster.gpus))
        kubernetes.add_node_selector_json(task, node_selector)
        kubernetes.add_toleration_json(task, tolerations)
    if watches:
        keys = {name: name for name in OBJECT_STORE_KEYS}
        for task in (tasks.downloaded, tasks.tuned):
            kubernetes.use_secret_as_env(task, OBJECT_STORE_SECRET, keys, optional=True)
