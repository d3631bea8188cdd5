"""Trains what TensorFlow 1.6's DNNClassifier trained on MNIST, in TensorFlow 2."""

from __future__ import annotations

import argparse
import itertools
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Keras is not used here, and TensorFlow starts a second sooner when it does not load it.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from trainer.data import CLASSES, DataError, Part, load

CPU_INFO = Path("/proc/cpuinfo")  # Linux only


class Classifier(tf.Module):
    """A perceptron with one hidden layer: width-hidden_units-10, ReLU; its weights are float32."""

    def __init__(self, width: int, hidden_units: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.hidden_kernel = tf.Variable(glorot_uniform(width, hidden_units, rng))
        self.hidden_bias = tf.Variable(tf.zeros(hidden_units))
        self.kernel = tf.Variable(glorot_uniform(hidden_units, CLASSES, rng))
        self.bias = tf.Variable(tf.zeros(CLASSES))

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Logits, float32 [rows, 10], of images [rows, width]; what leads to them has the images' type."""
        hidden_kernel, hidden_bias, kernel = (
            tf.cast(weights, images.dtype) for weights in (self.hidden_kernel, self.hidden_bias, self.kernel)
        )
        hidden = tf.nn.relu(tf.nn.bias_add(tf.matmul(images, hidden_kernel), hidden_bias))
        return tf.cast(tf.matmul(hidden, kernel), tf.float32) + self.bias


def glorot_uniform(fan_in: int, fan_out: int, rng: np.random.Generator) -> np.ndarray:
    """Draws an initial kernel, float32 [fan_in, fan_out]."""
    limit = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)


def summed_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy summed over the rows, as an Estimator's was; Keras would take the mean."""
    return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def make_batches(rows: int, batch_size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yields the row numbers of batches without end: full ones only, shuffled anew each epoch."""
    batch_size = min(batch_size, rows)
    while True:
        order = rng.permutation(rows)
        for start in range(0, rows - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def has_gpu() -> bool:
    """Tells whether TensorFlow computes on a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def fast_precision() -> str:
    """Returns bfloat16 where the GPUs, or without any the CPU, have units for it; else float32."""
    if gpus := tf.config.list_physical_devices("GPU"):
        details = map(tf.config.experimental.get_device_details, gpus)
        has_units = all(gpu.get("compute_capability", (0, 0)) >= (8, 0) for gpu in details)
    else:
        words = CPU_INFO.read_text(encoding="utf-8").split() if CPU_INFO.exists() else []
        has_units = not {"amx_bf16", "avx512_bf16"}.isdisjoint(words)
    return "bfloat16" if has_units else "float32"


def make_train(
    model: Classifier, part: Part, lr: float, precision: str = "float32", *, compiled: bool = False
) -> Callable[[np.ndarray], None]:
    """Builds the function that takes a step for each batch of row numbers, int64 [steps, batch_size].

    The images stay on the device in ``precision``, so the model computes in it; ``compiled`` is by XLA.
    """
    images, labels = tf.cast(part.images, precision), tf.constant(part.labels)
    optimizer = tf.compat.v1.train.AdagradOptimizer(lr)  # accumulators start at 0.1, no epsilon

    # One call takes many steps: on small data a call for each takes 40 % longer.
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int64)], jit_compile=compiled)
    def train(batches: tf.Tensor) -> None:
        for rows in batches:
            with tf.GradientTape() as tape:
                loss = summed_loss(model(tf.gather(images, rows)), tf.gather(labels, rows))
            variables = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    return train


def make_evaluate(model: Classifier, part: Part) -> Callable[[], dict[str, float]]:
    """Builds the function that measures the model, in float32 as it is saved, under an Estimator's names.

    All metrics are NaN where the loss is not finite.
    """
    images, labels = tf.constant(part.images), tf.constant(part.labels)

    @tf.function
    def count() -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(images)
        right = tf.argmax(logits, axis=1) == labels
        return summed_loss(logits, labels), tf.math.count_nonzero(right)

    def evaluate() -> dict[str, float]:
        loss, right = map(float, count())
        if not math.isfinite(loss):  # the argmax of NaNs is class 0, which would pass for an accuracy
            return dict.fromkeys(("accuracy", "average_loss", "loss"), math.nan)
        rows = len(part.labels)
        return {"accuracy": right / rows, "average_loss": loss / rows, "loss": loss}

    return evaluate


def report(writer: tf.summary.SummaryWriter, step: int, metrics: dict[str, float]) -> None:
    """Shows an evaluation as TensorBoard summaries and as a line of progress."""
    with writer.as_default(step):
        for tag, value in metrics.items():
            tf.summary.scalar(tag, value)
    writer.flush()
    accuracy, average_loss = metrics["accuracy"], metrics["average_loss"]
    print(f"step {step}: accuracy {accuracy:.4f} average_loss {average_loss:.4f}", flush=True)


def save(model: Classifier, path: str) -> None:
    """Writes a SavedModel from images, float32 [rows, width], to probabilities, float32 [rows, 10]."""
    width = model.hidden_kernel.shape[0]

    @tf.function(input_signature=[tf.TensorSpec([None, width], tf.float32, name="images")])
    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.nn.softmax(model(images))}

    tf.saved_model.save(model, path, signatures=predict)


def run(args: argparse.Namespace, train_part: Part, test_part: Part) -> dict[str, float]:
    """Trains with summaries under <job-dir>/eval, saves under <job-dir>/model; NaN ends it early, unsaved."""
    tf.config.experimental.enable_op_determinism()
    precision = fast_precision() if args.precision == "auto" else args.precision
    rng = np.random.default_rng(args.seed)
    model = Classifier(train_part.images.shape[1], args.hidden_units, rng)
    # XLA pays on a GPU alone: on CPUs the library that TensorFlow calls for each product is as fast.
    train = make_train(model, train_part, args.lr, precision, compiled=has_gpu())
    evaluate = make_evaluate(model, test_part)
    batches = make_batches(len(train_part.labels), args.batch_size, rng)
    writer = tf.summary.create_file_writer(f"{args.job_dir}/eval")
    for done in range(0, args.num_steps, args.eval_interval):
        steps = min(args.eval_interval, args.num_steps - done)
        train(np.stack(list(itertools.islice(batches, steps))))
        metrics = evaluate()
        report(writer, done + steps, metrics)
        if math.isnan(metrics["loss"]):
            return metrics
    save(model, f"{args.job_dir}/model")
    return metrics


def number(kind: type[int] | type[float], above: int = 0) -> Callable[[str], float]:
    """Makes a reader of arguments that are finite numbers greater than ``above``."""

    def parse(text: str) -> float:
        if not above < (value := kind(text)) < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not allowed (must be finite and > {above})")
        return value

    parse.__name__ = kind.__name__  # argparse shows it where the text is no number
    return parse


def main(argv: list[str] | None = None) -> None:
    """Trains one classifier; arguments or data that cannot be used end it with exit status 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train-file", required=True, help="npz or mnist.pkl[.gz], local or gs://")
    parser.add_argument("--job-dir", required=True, help="where summaries and the model go")
    parser.add_argument("--num-steps", required=True, type=number(int), help="batches to train on")
    parser.add_argument("--lr", required=True, type=number(float), help="learning rate of Adagrad")
    parser.add_argument("--batch-size", type=number(int), default=1024)
    parser.add_argument("--hidden-units", type=number(int), default=1000)
    parser.add_argument("--eval-interval", type=number(int), default=500, help="steps between evaluations")
    parser.add_argument("--seed", type=number(int, above=-1), default=0)
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of the training's products; auto is bfloat16 where the machine has units for it",
    )
    args = parser.parse_args(argv)
    try:
        tf.io.gfile.makedirs(f"{args.job_dir}/eval")
        train_part, test_part = load(args.train_file)
    except (DataError, tf.errors.OpError) as error:
        parser.error(str(error))
    metrics = run(args, train_part, test_part)
    print(f"Test loss: {metrics['average_loss']:.4f}\nTest accuracy: {metrics['accuracy']:.4f}")


if __name__ == "__main__":
    main()
