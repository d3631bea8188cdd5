"""Step two: makes of one data set the files for tuning and for the final training."""

from kfp import dsl

from components.images import HPTUNE_IMAGE


@dsl.component(base_image=HPTUNE_IMAGE, install_kfp_package=False)
def preprocess(
    data: dsl.Input[dsl.Dataset],
    tune_data: dsl.Output[dsl.Dataset],
    final_data: dsl.Output[dsl.Dataset],
    validation_fraction: float = 1 / 6,
    seed: int = 0,
) -> None:
    """Splits a data set for tuning and for the final training.

    Args:
        data: The data set.
        tune_data: Trains on a share of the training part, is measured on the rest of it.
        final_data: Trains on all of the training part, is measured on the test part.
        validation_fraction: Share of the training part that trials are measured on; 0 measures them on the
            test part.
        seed: Seed of the split.
    """
    from pathlib import Path

    from hptune.data import split
    from hptune.steps import process

    with process.step("preprocess"):
        rows = split.preprocess(
            Path(data.path),
            tune_file=Path(tune_data.path),
            final_file=Path(final_data.path),
            validation_fraction=validation_fraction,
            seed=seed,
        )
        print(f"rows: {rows.train_rows} train, {rows.validation_rows} validation, {rows.test_rows} test")
