"""The pipeline: download -> preprocess -> tune -> train with the best parameters -> report.

python -m pipelines.mnist_hptune compile|run|upload|submit
"""

import inspect
import json
from pathlib import Path
from typing import NamedTuple

from kfp import dsl, kubernetes
from kfp.dsl.base_component import BaseComponent
from kfp.dsl.pipeline_task import PipelineTask

from components.download.component import download
from components.images import TRAINER_IMAGE
from components.preprocess.component import preprocess
from components.report.component import report
from components.train.component import train
from components.tune.component import tune

NAME = "mnist-hptune"
MODULE = "trainer.mnist_mlp_lr_numsteps"
EXAMPLE = Path(__file__).parents[1] / "examples" / "mnist" / "trainer"
GKE_ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
OBJECT_STORE_SECRET = "hptune-object-store"  # noqa: S105  (its name)
OBJECT_STORE_KEYS = (
    *("MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"),
    *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
)

_GPU = "nvidia.com/gpu"
# Kubernetes' word for what a GPU node is marked with, so that only pods that need a GPU go there.
_GPU_TOLERATION = {"key": _GPU, "operator": "Exists", "effect": "NoSchedule"}
_ACCELERATOR_PARAMETERS = ("accelerator_type", "accelerator_count", "node_selector", "tolerations")


def _on_one_line(job_file: Path) -> str:
    """A job file as JSON, which is YAML: kfp's compiler and the UI's form break defaults of several lines."""
    import yaml

    return json.dumps(yaml.safe_load(job_file.read_text(encoding="utf-8")))


class Outputs(NamedTuple):
    """What a run leaves.

    Attributes:
        study: The tuning job's trials, as JSON.
        final_metrics: What the training with the best parameters measured.
        page: The report.
        model: What the trainer wrote then.
    """

    study: dsl.Artifact
    final_metrics: dsl.Metrics
    page: dsl.HTML
    model: dsl.Model


def build(gpus: int = 0, gke_accelerator: str | None = None, backend: str = "local") -> BaseComponent:
    """The pipeline.

    Args:
        gpus: GPUs of the tune and of the train step, by default; with 0 nothing asks for any, and the
            pipeline has no parameters about them. With katib the tune step only watches and asks for none.
        gke_accelerator: GKE's name of the GPU for the default node selector; None selects no nodes.
        backend: Where trials run, by default.
    """
    defaults = {
        "backend": backend,
        "accelerator_count": str(gpus),
        "node_selector": {GKE_ACCELERATOR_LABEL: gke_accelerator} if gke_accelerator else {},
    }
    signature = inspect.signature(_wire)
    parameters = [
        parameter.replace(default=defaults.get(name, parameter.default))
        for name, parameter in signature.parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY and (gpus or name not in _ACCELERATOR_PARAMETERS)
    ]

    def pipeline(*values: object) -> Outputs:
        given = dict(zip((parameter.name for parameter in parameters), values, strict=True))
        return _wire(**given, in_cluster=backend == "katib")

    # kfp reads a pipeline's parameters off its function's signature.
    pipeline.__signature__ = signature.replace(parameters=parameters)
    pipeline.__doc__ = _wire.__doc__
    return dsl.pipeline(name=NAME)(pipeline)


def _wire(
    data: str = "mnist",
    data_sha256: str = "",
    validation_fraction: float = 1 / 6,
    job_file: str = _on_one_line(EXAMPLE / "hptune.yaml"),
    job_name: str = "mnist",
    module_name: str = MODULE,
    package_path: str = "",
    trainer_args: list = [],  # noqa: B006  (kfp reads the default)
    data_flag: str = "--train-file",
    max_trials: int = 0,
    max_parallel_trials: int = 0,
    backend: str = "local",
    job_dir: str = "",
    seed: int = 0,
    namespace: str = "",
    trial_image: str = TRAINER_IMAGE,
    trial_gpus: int = -1,
    trial_accelerator: str = "",
    service_account: str = "",
    image_pull_secret: str = "",
    priority_class: str = "",
    secret: str = "",
    katib_algorithm: str = "bayesianoptimization",
    volume_claim: str = "",
    mount_path: str = "/mnt/hptune",
    delete_on_cancel: bool = False,
    accelerator_type: str = _GPU,
    accelerator_count: str = "",
    node_selector: dict = {},  # noqa: B006
    tolerations: list = [_GPU_TOLERATION],  # noqa: B006
    *,
    in_cluster: bool = False,
) -> Outputs:
    """Tunes a trainer written for Cloud ML Engine, then trains it with the best parameters.

    Args:
        data: digits, mnist, or a path or URI (https, gs, s3) of an .npz, an mnist.pkl[.gz] or idx files.
        data_sha256: The checksum that the data's content must have; empty for any.
        validation_fraction: Share of the training part that trials are measured on; 0 measures them on the
            test part.
        job_file: The text of hptune.yaml, or the same as JSON.
        job_name: The job's name.
        module_name: The trainer's module; empty where the job file names it.
        package_path: Directory of the trainer's package; empty where the image has it installed.
        trainer_args: The trainer's own arguments, a JSON list of texts; empty for those of the job file.
        data_flag: The flag that tells the trainer of its data file; empty where it has none.
        max_trials: Replaces the job file's maxTrials; 0 keeps it.
        max_parallel_trials: Replaces the job file's maxParallelTrials; 0 keeps it.
        backend: Where trials run. local: in the tune step's own pod, on its GPUs. katib: in pods of their
            own, which the step watches.
        job_dir: Directory or URI that outlives the run, so that a second run takes the job up; empty for
            none. Katib's trials need one that they can reach, gs://bucket/job for one.
        seed: Seed of the split and of the suggestions.
        namespace: With katib, where the Experiment is to live; empty for the run's own.
        trial_image: With katib, has hptune and the trainer.
        trial_gpus: With katib, GPUs of a trial; below 0 for those of the job file's machine.
        trial_accelerator: With katib, GKE's name of the trials' GPU, such as nvidia-l4; any for whichever
            there is, empty for that of the job file's machine.
        service_account: With katib, of the trials' pods; empty for the namespace's default.
        image_pull_secret: With katib, the secret for the registry of trial_image; empty for none.
        priority_class: With katib, of the trials' pods; empty for the cluster's default.
        secret: With katib, a secret whose entries the trainer gets as environment variables, such as
            AWS_ACCESS_KEY_ID; empty for none.
        katib_algorithm: With katib, bayesianoptimization or gp-bandit, where the job file leaves it open.
        volume_claim: With katib, a volume that all trials mount; empty for none.
        mount_path: With katib, where they mount it.
        delete_on_cancel: With katib, whether the job ends when the run is stopped; else it goes on.
        accelerator_type: Resource that the tune and the train step ask for.
        accelerator_count: How many of it, a text; 0 for none (empty the node selector, too).
        node_selector: Labels, JSON, of the nodes for these two steps; nvidia.com/gpu.present works, too.
        tolerations: Taints, a JSON list, that these two steps accept.
        in_cluster: Whether trials are Katib's by default: the tune step then asks for no GPU, and it and the
            download step get the keys of OBJECT_STORE_SECRET.
    """
    trainer = {
        "module_name": module_name,
        "package_path": package_path,
        "trainer_args": trainer_args,
        "data_flag": data_flag,
    }
    downloaded = download(source=data, sha256=data_sha256)
    prepared = preprocess(data=downloaded.outputs["data"], validation_fraction=validation_fraction, seed=seed)
    tuned = tune(
        data=prepared.outputs["tune_data"],
        job_file=job_file,
        job_name=job_name,
        job_dir=job_dir,
        max_trials=max_trials,
        max_parallel_trials=max_parallel_trials,
        backend=backend,
        seed=seed,
        namespace=namespace,
        trial_image=trial_image,
        trial_gpus=trial_gpus,
        trial_accelerator=trial_accelerator,
        service_account=service_account,
        image_pull_secret=image_pull_secret,
        priority_class=priority_class,
        secret=secret,
        katib_algorithm=katib_algorithm,
        volume_claim=volume_claim,
        mount_path=mount_path,
        delete_on_cancel=delete_on_cancel,
        **trainer,
    )
    # Its trials depend on what ran before, in the job's directory for one.
    tuned.set_caching_options(False)
    trained = train(data=prepared.outputs["final_data"], study=tuned.outputs["study"], **trainer)
    if accelerator_count:
        for task in (trained,) if in_cluster else (tuned, trained):
            _accelerate(task, accelerator_type, accelerator_count, node_selector, tolerations)
    if in_cluster:
        for task in (downloaded, tuned):
            keys = {name: name for name in OBJECT_STORE_KEYS}
            kubernetes.use_secret_as_env(task, OBJECT_STORE_SECRET, keys, optional=True)
    reported = report(study=tuned.outputs["study"], final_metrics=trained.outputs["metrics"])
    return Outputs(
        study=tuned.outputs["study"],
        final_metrics=trained.outputs["metrics"],
        page=reported.outputs["page"],
        model=trained.outputs["model"],
    )


def _accelerate(task: PipelineTask, type_: str, count: str, node_selector: dict, tolerations: list) -> None:
    task.set_accelerator_type(type_).set_accelerator_limit(count)
    kubernetes.add_node_selector_json(task, node_selector)
    kubernetes.add_toleration_json(task, tolerations)


if __name__ == "__main__":
    from pipelines.cli import main

    main()
