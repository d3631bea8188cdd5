"""The example's job as users of KerasTuner and of Optuna write it, with Keras; `benchmarks.job` runs it.

    python -m benchmarks.peer_jobs keras-tuner|optuna MNIST.npz FOLDER [--seed 0] [--policy float32]

Each trial appends its accuracy on the test images to FOLDER/accuracies when it has ended.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

MAX_TRIALS, BATCH = 10, 1024


class Data:
    """MNIST as Keras's own examples read it: float32 in 0..1."""

    def __init__(self, path: Path) -> None:
        """Reads it."""
        with np.load(path) as arrays:
            x_train, self.y_train = arrays["x_train"], arrays["y_train"]
            x_test, self.y_test = arrays["x_test"], arrays["y_test"]
        self.x_train, self.x_test = (x.reshape(len(x), -1).astype("float32") / 255 for x in (x_train, x_test))

    def epochs(self, steps: int) -> int:
        """Returns the epochs that have the nearest to so many steps; at least one."""
        return max(1, round(steps / math.ceil(len(self.x_train) / BATCH)))


def make_model(lr: float, policy: str) -> keras.Model:
    """Makes and compiles the example's model."""
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(1000, activation="relu", dtype=policy),
            keras.layers.Dense(10, dtype="float32"),
        ]
    )
    model.compile(
        keras.optimizers.Adagrad(lr, initial_accumulator_value=0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
        metrics=["accuracy"],
    )
    return model


def fit_and_measure(model: keras.Model, data: Data, epochs: int) -> float:
    """Trains a model and returns its accuracy on the test images, 0..1."""
    model.fit(data.x_train, data.y_train, batch_size=BATCH, epochs=epochs, verbose=0)
    return float(model.evaluate(data.x_test, data.y_test, batch_size=BATCH, verbose=0)[1])


def run_keras_tuner(data: Data, folder: Path, seed: int, policy: str) -> None:
    """Runs the job with BayesianOptimization."""
    import keras_tuner

    class Model(keras_tuner.HyperModel):
        def build(self, hp: Any) -> keras.Model:  # noqa: ANN401
            self.epochs = data.epochs(hp.Int("num-steps", 200, 10000))
            return make_model(hp.Float("lr", 0.001, 0.1, sampling="log"), policy)

        def fit(self, hp: Any, model: keras.Model, **settings: Any) -> dict[str, float]:  # noqa: ANN401
            # Without its callbacks, which would save the model after each epoch.
            del hp, settings
            return {"val_accuracy": fit_and_measure(model, data, self.epochs)}

    class Told(keras_tuner.BayesianOptimization):
        def on_trial_end(self, trial: Any) -> None:  # noqa: ANN401
            super().on_trial_end(trial)
            tell(folder, float(self.oracle.get_trial(trial.trial_id).score))

    tuner = Told(
        Model(), objective="val_accuracy", max_trials=MAX_TRIALS, seed=seed, directory=str(folder / "tuner")
    )
    tuner.search(verbose=0)


def run_optuna(data: Data, folder: Path, seed: int, policy: str) -> None:
    """Runs the job with Optuna's default sampler."""
    import optuna

    def objective(trial: optuna.Trial) -> float:
        steps = trial.suggest_int("num-steps", 200, 10000)
        model = make_model(trial.suggest_float("lr", 0.001, 0.1, log=True), policy)
        accuracy = fit_and_measure(model, data, data.epochs(steps))
        tell(folder, accuracy)
        return accuracy

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=MAX_TRIALS)


def tell(folder: Path, accuracy: float) -> None:
    """Appends a trial's accuracy to what `benchmarks.job` reads."""
    with (folder / "accuracies").open("a", encoding="ascii") as file:
        file.write(f"{accuracy}\n")


RUNS = {"keras-tuner": run_keras_tuner, "optuna": run_optuna}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", choices=RUNS)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policy", choices=("float32", "mixed_bfloat16"), default="float32")
    args = parser.parse_args()
    keras.utils.set_random_seed(args.seed)
    RUNS[args.peer](Data(args.data), args.folder, args.seed, args.policy)


if __name__ == "__main__":
    main()
