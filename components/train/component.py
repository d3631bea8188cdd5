"""Step four: trains once more, with the best trial's parameters."""

from kfp import dsl

from components.images import TRAINER_IMAGE


@dsl.component(base_image=TRAINER_IMAGE, install_kfp_package=False)
def train(
    data: dsl.Input[dsl.Dataset],
    study: dsl.Input[dsl.Artifact],
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    classification: dsl.Output[dsl.ClassificationMetrics],
    module_name: str = "",
    package_path: str = "",
    trainer_args: list[str] = [],  # noqa: B006  (kfp reads the default and never calls with it)
    data_flag: str = "--train-file",
) -> None:
    """Trains with the parameters of the best trial.

    Args:
        data: The file to train on, and to measure on.
        study: The tuning job's trials, as the tune step wrote them.
        model: What the trainer wrote, with its log in hptune/log.txt.
        metrics: The objective, measured on the test part.
        classification: Confusion matrix of the test part; empty where the trainer left no SavedModel for it.
        module_name: The trainer's module; empty where the job file names it.
        package_path: Directory of the trainer's package; empty where the image has it installed.
        trainer_args: The trainer's own arguments; empty for those of the job file.
        data_flag: The flag that tells the trainer of its data file; empty where it has none.
    """
    from pathlib import Path

    from hptune.steps import process, train, trainer

    with process.step("train"):
        final = train.train_from_status(
            Path(study.path),
            data=Path(data.path),
            output=Path(model.path),
            trainer=trainer.Trainer(module_name, package_path, trainer_args, data_flag),
        )
        metrics.log_metric(final.metric, final.measurement.value)
        if matrix := train.count_predictions(final, Path(data.path)):
            classification.log_confusion_matrix([str(label) for label in range(len(matrix))], matrix)
