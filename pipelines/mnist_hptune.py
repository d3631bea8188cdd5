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
from components.preprocess.component import preprocess
from components.report.component import report
from components.train.component import train
from components.tune.component import tune

NAME = "mnist-hptune"
MODULE = "trainer.mnist_mlp_lr_numsteps"
EXAMPLE = Path(__file__).parents[1] / "examples" / "mnist" / "trainer"
GKE_ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"

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


def build(gpus: int = 0, gke_accelerator: str | None = None) -> BaseComponent:
    """The pipeline.

    Args:
        gpus: GPUs of the tune and of the train step, by default; with 0 nothing asks for any, and the
            pipeline has no parameters about them.
        gke_accelerator: GKE's name of the GPU for the default node selector; None selects no nodes.
    """
    defaults = {
        "accelerator_count": str(gpus),
        "node_selector": {GKE_ACCELERATOR_LABEL: gke_accelerator} if gke_accelerator else {},
    }
    signature = inspect.signature(_wire)
    parameters = [
        parameter.replace(default=defaults.get(name, parameter.default))
        for name, parameter in signature.parameters.items()
        if gpus or name not in _ACCELERATOR_PARAMETERS
    ]

    def pipeline(*values: object) -> Outputs:
        return _wire(**dict(zip((parameter.name for parameter in parameters), values, strict=True)))

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
    accelerator_type: str = _GPU,
    accelerator_count: str = "",
    node_selector: dict = {},  # noqa: B006
    tolerations: list = [_GPU_TOLERATION],  # noqa: B006
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
        backend: Where trials run. local: in the tune step's own pod, on its GPUs.
        job_dir: Directory that outlives the run, so that a second run takes the job up; empty for none.
        seed: Seed of the split and of the suggestions.
        accelerator_type: Resource that the tune and the train step ask for.
        accelerator_count: How many of it, a text; 0 for none (empty the node selector, too).
        node_selector: Labels, JSON, of the nodes for these two steps; nvidia.com/gpu.present works, too.
        tolerations: Taints, a JSON list, that these two steps accept.
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
        **trainer,
    )
    # Its trials depend on what ran before, in the job's directory for one.
    tuned.set_caching_options(False)
    trained = train(data=prepared.outputs["final_data"], study=tuned.outputs["study"], **trainer)
    if accelerator_count:
        for task in (tuned, trained):
            _accelerate(task, accelerator_type, accelerator_count, node_selector, tolerations)
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
