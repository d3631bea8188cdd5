"""Step three: runs the tuning job."""

from typing import Any

from kfp import dsl

from components.images import TRAINER_IMAGE


@dsl.component(base_image=TRAINER_IMAGE, install_kfp_package=False)
def tune(
    data: dsl.Input[dsl.Dataset],
    study: dsl.Output[dsl.Artifact],
    job: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    job_file: str,
    job_name: str,
    job_dir: str = "",
    max_trials: int = 0,
    max_parallel_trials: int = 0,
    seed: int = 0,
    module_name: str = "",
    package_path: str = "",
    trainer_args: list[str] = [],  # noqa: B006  (kfp reads the default and never calls with it)
    data_flag: str = "--train-file",
    backend: str = "local",
    katib: dict[str, Any] = {},  # noqa: B006
    delete_on_cancel: bool = False,
) -> None:
    """Runs a Cloud ML Engine hyperparameter tuning job.

    Args:
        data: The file that trials train on and are measured on.
        study: The job's trials with all their measurements, as JSON.
        job: The job's directory, with the trials' logs and what their trainers wrote; with job_dir a text
            that names it.
        metrics: The best objective, and how many trials there were.
        job_file: The text of hptune.yaml.
        job_name: The job's name.
        job_dir: Directory or URI that outlives the step, so that a second run takes the job up; empty for
            none. Katib's trials need one that they can reach.
        max_trials: Replaces the job file's maxTrials; 0 keeps it.
        max_parallel_trials: Replaces the job file's maxParallelTrials; 0 keeps it.
        seed: Seed of the suggestions.
        module_name: The trainer's module; empty where the job file names it.
        package_path: Directory of the trainer's package; empty where the image has it installed.
        trainer_args: The trainer's own arguments; empty for those of the job file.
        data_flag: The flag that tells the trainer of its data file; empty where it has none.
        backend: Where trials run: local, which is this step's own pod, or katib, in pods of their own.
        katib: What the cluster is told with katib: the options of hptune submit as a JSON object, such as
            {"gpus": 1, "memory": "16Gi"}; without a namespace the step's own.
        delete_on_cancel: Whether the job ends with katib when the step is stopped.
    """
    from pathlib import Path

    from hptune.results.status_file import save_status
    from hptune.steps import process, trainer, tune

    with process.step("tune"):
        if job_dir:
            Path(job.path).write_text(f"{job_dir}\n", encoding="utf-8")
        status = tune.tune(
            job_file,
            name=job_name,
            data=Path(data.path),
            job_dir=job_dir or job.path,
            trainer=trainer.Trainer(module_name, package_path, trainer_args, data_flag),
            max_trials=max_trials,
            max_parallel_trials=max_parallel_trials,
            backend=backend,
            seed=seed,
            katib=katib,
            delete_on_cancel=delete_on_cancel,
        )
        save_status(Path(study.path), status)
        metrics.metadata.update(tune.summarize(status.study))
