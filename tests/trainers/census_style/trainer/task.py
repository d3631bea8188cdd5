"""A wide and deep estimator, trained and evaluated on whatever cluster TF_CONFIG names."""

import argparse
import json
import os

import tensorflow as tf

from trainer.people import SCHOOLS, draw


def inputs(count, seed, batch_size, repeat):
    def read():
        data = tf.data.Dataset.from_tensor_slices(draw(count, seed))
        if repeat:
            data = data.shuffle(1000).repeat()
        return data.batch(batch_size).prefetch(1)

    return read


def session_config():
    """Keeps each task from waiting for the others: it speaks to the parameter servers alone."""
    task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
    if task.get("type") == "master":
        return tf.ConfigProto(device_filters=["/job:ps", "/job:master"])
    if task.get("type") == "worker":
        return tf.ConfigProto(device_filters=["/job:ps", f"/job:worker/task:{task['index']}"])
    return None


def build(args, config):
    age = tf.feature_column.numeric_column("age", normalizer_fn=lambda x: x / 50.0)
    hours = tf.feature_column.numeric_column("hours", normalizer_fn=lambda x: x / 40.0)
    school = tf.feature_column.categorical_column_with_vocabulary_list("school", SCHOOLS)
    return tf.estimator.DNNLinearCombinedClassifier(
        config=config,
        linear_feature_columns=[school, tf.feature_column.bucketized_column(age, [0.5, 0.6, 0.8])],
        dnn_feature_columns=[age, hours, tf.feature_column.indicator_column(school)],
        dnn_hidden_units=[max(2, args.first_layer_size // 2**i) for i in range(args.num_layers)],
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--job-dir", required=True)
    parser.add_argument("--first-layer-size", type=int, default=32)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--train-steps", type=int, default=300)
    args = parser.parse_args()
    tf.logging.set_verbosity(tf.logging.INFO)
    config = tf.estimator.RunConfig(
        model_dir=args.job_dir, session_config=session_config(), save_checkpoints_steps=100
    )
    tf.estimator.train_and_evaluate(
        build(args, config),
        tf.estimator.TrainSpec(inputs(2000, 1, 64, repeat=True), max_steps=args.train_steps),
        tf.estimator.EvalSpec(inputs(500, 2, 500, repeat=False), steps=None, throttle_secs=1),
    )


if __name__ == "__main__":
    main()
