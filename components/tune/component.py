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
    namespace: str = "",
    trial_image: str = "",
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
        job_dir: Directory or URI that outlives the step, so that a second run takes the job up; empty for
            none. Katib's trials need one that they can reach.
        max_trials: Replaces the job file's maxTrials; 0 keeps it.
        max_parallel_trials: Replaces the job file's maxParallelTrials; 0 keeps it.
        backend: Where trials run: local, which is this step's own pod, or katib, in pods of their own.
        seed: Seed of the suggestions.
        namespace: With katib, where the Experiment is to live; empty for the step's own.
        trial_image: With katib, has hptune and the trainer; empty for hptune's own.
        trial_gpus: With katib, GPUs of a trial; below 0 for those of the job file's machine.
        trial_accelerator: With katib, GKE's name of the trials' GPU, such as nvidia-l4; any for whichever
            there is, empty for that of the job file's machine.
        service_account: With katib, of the trials' pods; empty for the namespace's default.
        image_pull_secret: With katib, the secret for the registry of trial_image; empty for none.
        priority_class: With katib, of the trials' pods; empty for the cluster's default.
        secret: With katib, a secret whose entries the trainer gets as environment variables.
        katib_algorithm: With katib, bayesianoptimization or gp-bandit, where the job file leaves it open.
        volume_claim: With katib, a volume that all trials mount; empty for none.
        mount_path: With katib, where they mount it.
        delete_on_cancel: With katib, whether the job ends when the step is stopped.
    """
    from pathlib import Path

    from hptune.results.status_file import save_status
    from hptune.steps import process, tune

    with process.step("tune"):
        trainer = tune.Trainer(module_name, package_path, trainer_args, data_flag)
        settings = {"max_trials": max_trials, "max_parallel_trials": max_parallel_trials, "seed": seed}
        place = {"job_dir": job_dir or job.path, "name": job_name, "data": Path(data.path)}
        where = (namespace, trial_image, katib_algorithm, trial_gpus, trial_accelerator)
        pod = (service_account, image_pull_secret, priority_class, secret, volume_claim, mount_path)
        pods = tune.TrialPods(*where, *pod, delete_on_cancel)
        status = tune.tune(job_file, **place, **settings, trainer=trainer, backend=backend, pods=pods)
        save_status(Path(study.path), status)
        metrics.metadata.update(tune.summarize(status.study))
