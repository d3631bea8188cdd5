"""Trains a small Keras classifier of digits with MultiWorkerMirroredStrategy; the chief reports."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping

import hypertune
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

CLASSES = 10
TRAINED_ON = 1400


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns images of 64 pixels and their classes, in an order of chance that is always the same."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return (images[order] / 16.0).astype("float32"), labels[order].astype("int32")


def dataset(images: np.ndarray, labels: np.ndarray, batch_size: int, *, repeat: bool) -> tf.data.Dataset:
    """Makes a dataset that the strategy splits among the workers by its examples, for it has no files."""
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    data = (data.shuffle(len(images), seed=1).repeat() if repeat else data).batch(batch_size)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return data.with_options(options)


def make_model(hidden_units: int, learning_rate: float) -> tf.keras.Model:
    """Makes a network with one hidden layer."""
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Dense(hidden_units, activation="relu", input_shape=(64,)),
            tf.keras.layers.Dense(CLASSES),
        ]
    )
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return model


class Report(tf.keras.callbacks.Callback):
    """Reports each epoch's accuracy on digits that were not trained on."""

    def __init__(self) -> None:
        """Begins without a report."""
        super().__init__()
        self._reporter = hypertune.HyperTune()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Reports the end of an epoch."""
        self._reporter.report_hyperparameter_tuning_metric("val_accuracy", logs["val_accuracy"], epoch + 1)


def main() -> None:
    """Trains; every worker runs this at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job-dir", required=True)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--hidden-units", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    # Before anything else of TensorFlow: the workers wait for one another here.
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    is_chief = json.loads(os.environ["TF_CONFIG"])["task"]["type"] == "chief"
    images, labels = read_digits()
    with strategy.scope():
        model = make_model(args.hidden_units, args.learning_rate)
    model.fit(
        dataset(images[:TRAINED_ON], labels[:TRAINED_ON], args.batch_size, repeat=True),
        steps_per_epoch=TRAINED_ON // args.batch_size,
        epochs=args.epochs,
        validation_data=dataset(images[TRAINED_ON:], labels[TRAINED_ON:], args.batch_size, repeat=False),
        callbacks=[Report()] if is_chief else [],
        verbose=2,
    )
    # All workers take part in saving; what the chief writes is the model.
    model.save(f"{args.job_dir if is_chief else tempfile.mkdtemp()}/model")


if __name__ == "__main__":
    main()
