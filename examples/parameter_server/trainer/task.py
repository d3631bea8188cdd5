"""Trains a small classifier of digits with ParameterServerStrategy; the chief measures it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import hypertune
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

Arrays = tuple[np.ndarray, np.ndarray]
ClusterResolver = tf.distribute.cluster_resolver.ClusterResolver

CLASSES = 10
STEPS_AT_ONCE = 20


def read_digits() -> tuple[Arrays, Arrays]:
    """Returns images of 64 pixels and their classes, for training and for evaluation."""
    images, labels = load_digits(return_X_y=True)
    images, labels = (images / 16.0).astype("float32"), labels.astype("int32")
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1400], order[1400:]
    return (images[train], labels[train]), (images[test], labels[test])


def serve(resolver: ClusterResolver) -> None:
    """Runs a worker or a parameter server, which do what the chief asks of them until they are ended."""
    tf.distribute.Server(
        resolver.cluster_spec(), job_name=resolver.task_type, task_index=resolver.task_id, protocol="grpc"
    ).join()


def make_variables(hidden_units: int, features: int) -> list[tf.Variable]:
    """Makes a network with one hidden layer."""
    random = tf.random.Generator.from_seed(1)
    return [
        tf.Variable(random.normal([features, hidden_units], stddev=0.1), name="hidden"),
        tf.Variable(tf.zeros([hidden_units]), name="hidden_bias"),
        tf.Variable(random.normal([hidden_units, CLASSES], stddev=0.1), name="output"),
        tf.Variable(tf.zeros([CLASSES]), name="output_bias"),
    ]


def predict(variables: Sequence[tf.Variable], images: tf.Tensor) -> tf.Tensor:
    """Returns the logits of each class."""
    hidden, hidden_bias, output, output_bias = variables
    return tf.nn.relu(images @ hidden + hidden_bias) @ output + output_bias


def train(resolver: ClusterResolver, args: argparse.Namespace) -> None:
    """Trains with the cluster's workers, each of which updates the variables when it is done with a batch."""
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    (images, labels), (test_images, test_labels) = read_digits()
    with strategy.scope():
        variables = make_variables(args.hidden_units, images.shape[1])

    def batches() -> tf.data.Dataset:
        data = tf.data.Dataset.from_tensor_slices((images, labels))
        return data.shuffle(len(images)).repeat().batch(args.batch_size)

    @tf.function
    def step(iterator: Iterator) -> tf.Tensor:
        batch_images, batch_labels = next(iterator)
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                batch_labels, predict(variables, batch_images)
            )
            loss = tf.reduce_mean(losses)
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(args.learning_rate * gradient)
        return loss

    reporter = hypertune.HyperTune()
    iterator = iter(coordinator.create_per_worker_dataset(batches))
    for done in range(STEPS_AT_ONCE, args.steps + 1, STEPS_AT_ONCE):
        losses = [coordinator.schedule(step, args=(iterator,)) for _ in range(STEPS_AT_ONCE)]
        coordinator.join()
        loss = np.mean([coordinator.fetch(each) for each in losses])
        right = np.argmax(predict(variables, test_images), axis=1) == test_labels
        accuracy = float(np.mean(right))
        print(f"step {done}: loss {loss:.4f}, accuracy {accuracy:.4f} on digits that were not trained on")
        reporter.report_hyperparameter_tuning_metric("accuracy", accuracy, done)


def main() -> None:
    """Does what TF_CONFIG says that this task is for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job-dir", help="Not used: nothing is saved.")
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--hidden-units", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if resolver.task_type in ("worker", "ps"):
        serve(resolver)
    train(resolver, args)


if __name__ == "__main__":
    main()
