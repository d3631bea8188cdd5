"""Step three: runs the tuning job."""

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
    module_name: str = "",
    package_path: str = "",
    trainer_args: list = [],  # noqa: B006  (kfp reads the default and never calls with it)
    data_flag: str = "--train-file",
    job_dir: str = "",
    max_trials: int = 0,
    max_parallel_trials: int = 0,
    backend: str = "local",
    seed: int = 0,
) -> None:
    """Runs a Cloud ML Engine hyperparameter tuning job.

    Args:
        data: The file that trials train on and are measured on.
        study: The job's trials with all their measurements, as JSON.
        job: The job's directory, with the trials' logs and what their trainers wrote; empty with job_dir.
        metrics: The best objective, and how many trials there were.
        job_file: The text of hptune.yaml.
        job_name: The job's name.
        module_name: The trainer's module; empty where the job file names it.
        package_path: Directory of the trainer's package; empty where the image has it installed.
        trainer_args: The trainer's own arguments; empty for those of the job file.
        data_flag: The flag that tells the trainer of its data file; empty where it has none.
        job_dir: Directory that outlives the step, so that a second run takes the job up; empty for none.
        max_trials: Replaces the job file's maxTrials; 0 keeps it.
        max_parallel_trials: Replaces the job file's maxParallelTrials; 0 keeps it.
        backend: Where trials run: local, which is this step's own pod.
        seed: Seed of the suggestions.
    """
    from pathlib import Path

    from hptune.statusfile import save_status
    from hptune.steps import process, tune

    with process.step("tune"):
        trainer = tune.Trainer(module_name, package_path, trainer_args, data_flag)
        limits = {"max_trials": max_trials, "max_parallel_trials": max_parallel_trials}
        place = {"job_dir": Path(job_dir or job.path), "name": job_name, "data": Path(data.path)}
        status = tune.tune(job_file, **place, **limits, trainer=trainer, backend=backend, seed=seed)
        save_status(Path(study.path), status)
        for name, value in tune.summarize(status.study).items():
            metrics.log_metric(name, value)
