"""Trains as programs of TensorFlow 1 did: flags by tf.app, HParams, an Experiment, feature columns."""

import argparse

import blobs
import tensorflow as tf
from sklearn.externals import joblib
from tensorflow.contrib import layers
from tensorflow.contrib.learn.python.learn import learn_runner
from tensorflow.contrib.training.python.training import hparam


def input_fn(count, seed, batch_size):
    points, labels = blobs.make(count, seed)
    features = {"x": points[:, 0], "y": points[:, 1]}
    return tf.estimator.inputs.numpy_input_fn(
        features, labels, batch_size=batch_size, num_epochs=None if seed else 1, shuffle=bool(seed)
    )


def experiment_fn(run_config, hparams):
    columns = [layers.real_valued_column("x"), layers.real_valued_column("y")]
    estimator = tf.estimator.DNNClassifier(
        hidden_units=[8],
        feature_columns=columns,
        optimizer=tf.train.GradientDescentOptimizer(hparams.learning_rate),
        config=run_config,
    )
    return tf.contrib.learn.Experiment(
        estimator,
        train_input_fn=input_fn(400, 1, 32),
        eval_input_fn=input_fn(200, 0, 200),
        train_steps=hparams.train_steps,
        eval_steps=None,
    )


def main(_):
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--train-steps", type=int, default=100)
    parser.add_argument("--job-dir")
    args = parser.parse_args()
    hparams = hparam.HParams(learning_rate=args.learning_rate, train_steps=args.train_steps)
    print("hyperparameters", sorted(hparams.values()), "joblib", bool(joblib.dump))
    # Without a model_dir: TensorFlow would choose a directory that nobody finds.
    learn_runner.run(experiment_fn, run_config=tf.contrib.learn.RunConfig(), hparams=hparams)


if __name__ == "__main__":
    tf.app.run()
