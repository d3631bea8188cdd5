"""A Keras model on every worker, kept equal by MultiWorkerMirroredStrategy."""

import argparse
import json
import os
import tempfile

import hypertune
import numpy as np
import tensorflow as tf


def rings(count, seed):
    random = np.random.RandomState(seed)
    labels = random.randint(3, size=count)
    angle = random.uniform(0, 2 * np.pi, size=count)
    radius = 1.0 + labels + random.normal(scale=0.15, size=count)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points.astype("float32"), labels


class Report(tf.keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        hypertune.HyperTune().report_hyperparameter_tuning_metric(
            hyperparameter_metric_tag="val_accuracy",
            metric_value=logs["val_accuracy"],
            global_step=epoch + 1,
        )


def data(count, seed, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices(rings(count, seed)).repeat().batch(batch_size)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--job-dir", required=True)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    # Tiers bring parameter servers along, which have nothing to do here and must not be waited for.
    config = json.loads(os.environ["TF_CONFIG"])
    task = config["task"]
    if config["cluster"].pop("ps", None) and task["type"] == "ps":
        return
    os.environ["TF_CONFIG"] = json.dumps(config)
    # Before anything else of TensorFlow: the workers meet here.
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    print(f"replicas in sync: {strategy.num_replicas_in_sync}")
    with strategy.scope():
        model = tf.keras.Sequential(
            [tf.keras.layers.Dense(32, activation="relu", input_shape=(2,)), tf.keras.layers.Dense(3)]
        )
        model.compile(
            tf.keras.optimizers.Adam(args.lr),
            tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
    # Every worker reports, as careless trainers do.
    model.fit(
        data(1024, 1, 64),
        steps_per_epoch=16,
        epochs=args.epochs,
        validation_data=data(512, 2, 64),
        validation_steps=8,
        callbacks=[Report()],
        verbose=2,
    )
    is_chief = task["type"] in ("chief", "master")
    # Every worker has to save, and only the chief where it counts.
    place = args.job_dir if is_chief else tempfile.mkdtemp()
    model.save(f"{place}/model")


if __name__ == "__main__":
    main()
