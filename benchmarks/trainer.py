"""Times the example's trainer beside Keras fit, and beside its matrix products alone.

    python -m benchmarks.trainer MNIST.npz [--rounds 5] [--epochs 4]

A training begins with arrays in memory and ends with the accuracy on the test images: building, tracing and
compiling count. All do the same mathematics: 784-1000-10, ReLU, the loss summed over full batches of 1024,
shuffled each epoch, Adagrad with accumulators that start at 0.1. They take turns in one process, and ratios
compare what ran in the same round; round k trains with seed k.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import write_section

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "mnist"
sys.path.insert(0, str(EXAMPLE))

import tensorflow as tf  # noqa: E402
from trainer import mnist_mlp_lr_numsteps as example  # noqa: E402
from trainer.data import CLASSES, Part, load  # noqa: E402

BATCH, HIDDEN, LR = 1024, 1000, 0.1
PRECISIONS = ("float32", "bfloat16")
# (train part, test part, epochs, seed) -> accuracy on the test part, 0..1; NaN where there is none.
Training = Callable[[Part, Part, int, int], float]


def ours(precision: str) -> Training:
    """Makes the example's own training."""

    def run(train_part: Part, test_part: Part, epochs: int, seed: int) -> float:
        rng = np.random.default_rng(seed)
        model = example.Classifier(train_part.images.shape[1], HIDDEN, rng)
        train = example.make_train(model, train_part, LR, precision, compiled=example.has_gpu())
        batches = example.make_batches(len(train_part.labels), BATCH, rng)
        train(np.stack(list(itertools.islice(batches, epochs * steps_of(train_part)))))
        return example.make_evaluate(model, test_part)()["accuracy"]

    return run


def keras_fit(policy: str, *, xla: bool) -> Training:
    """Makes the same training as users of Keras write it."""

    def run(train_part: Part, test_part: Part, epochs: int, seed: int) -> float:
        import keras

        keras.utils.set_random_seed(seed)
        hidden = keras.layers.Dense(HIDDEN, activation="relu", dtype=policy)
        model = keras.Sequential(
            [keras.Input(train_part.images.shape[1:]), hidden, keras.layers.Dense(CLASSES, dtype="float32")]
        )
        model.compile(
            keras.optimizers.Adagrad(LR, initial_accumulator_value=0.1),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
            metrics=["accuracy"],
            jit_compile=xla,
        )
        rows = BATCH * steps_of(train_part)
        model.fit(
            train_part.images[:rows], train_part.labels[:rows], batch_size=BATCH, epochs=epochs, verbose=0
        )
        return float(model.evaluate(*test_part, batch_size=BATCH, verbose=0)[1])

    return run


def products_alone(precision: str) -> Training:
    """Makes what bounds a training: the five matrix products of a step, with nothing around them."""

    def run(train_part: Part, test_part: Part, epochs: int, seed: int) -> float:
        del test_part
        rng = np.random.default_rng(seed)

        def random(*shape: int) -> tf.Tensor:
            return tf.cast(rng.normal(size=shape), precision)

        width = train_part.images.shape[1]
        images, hidden, error = random(BATCH, width), random(BATCH, HIDDEN), random(BATCH, CLASSES)
        hidden_kernel, kernel = random(width, HIDDEN), random(HIDDEN, CLASSES)
        for _ in range(epochs * steps_of(train_part)):
            tf.matmul(images, hidden_kernel)
            tf.matmul(hidden, kernel)
            tf.matmul(hidden, error, transpose_a=True)
            tf.matmul(error, kernel, transpose_b=True)
            last = tf.matmul(images, hidden, transpose_a=True)
        last.numpy()  # A GPU computes on after the call.
        return math.nan

    return run


def steps_of(part: Part) -> int:
    """Counts the full batches of an epoch."""
    return len(part.labels) // BATCH


KERAS = "Keras fit"
TRAININGS: dict[str, Training] = {
    KERAS: keras_fit("float32", xla=False),
    f"{KERAS}, XLA": keras_fit("float32", xla=True),
    f"{KERAS}, mixed_bfloat16": keras_fit("mixed_bfloat16", xla=False),
    **{f"the example, {precision}": ours(precision) for precision in PRECISIONS},
    **{f"products alone, {precision}": products_alone(precision) for precision in PRECISIONS},
}


@dataclass(frozen=True)
class Run:
    """What one training took.

    Attributes:
        wall_s: Seconds from arrays to accuracy.
        cpu_s: Seconds of all cores; on a busy machine they tell more.
        accuracy: On the test images, 0..1.
    """

    wall_s: float
    cpu_s: float
    accuracy: float


def measure(training: Training, *arguments: Any) -> Run:  # noqa: ANN401
    """Runs a training once."""
    wall, cpu = time.perf_counter(), time.process_time()
    accuracy = training(*arguments)
    return Run(time.perf_counter() - wall, time.process_time() - cpu, accuracy)


def table(runs: dict[str, list[Run]]) -> list[str]:
    """Returns the runs in Markdown; ratios are medians over the rounds, with the lowest and the highest."""
    lines = [
        "| training | wall s | CPU s | times as fast as Keras fit | by CPU s | products' share of CPU s"
        " | accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    # The faster of the two ways in which Keras runs its float32, round by round.
    both = list(zip(runs[KERAS], runs[f"{KERAS}, XLA"], strict=True))
    for name, each in runs.items():
        bound = runs[f"products alone, {'bfloat16' if name.endswith('bfloat16') else 'float32'}"]
        cells = [
            name,
            spread([run.wall_s for run in each]),
            spread([run.cpu_s for run in each]),
            spread([min(a.wall_s, b.wall_s) / run.wall_s for (a, b), run in zip(both, each, strict=True)], 2),
            spread([min(a.cpu_s, b.cpu_s) / run.cpu_s for (a, b), run in zip(both, each, strict=True)], 2),
            spread([least.cpu_s / run.cpu_s for least, run in zip(bound, each, strict=True)], 2),
            accuracies([run.accuracy for run in each]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Returns the median, and the lowest and the highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def accuracies(values: Sequence[float]) -> str:
    """Returns the mean and the standard deviation over the seeds."""
    if math.isnan(values[0]):
        return ""
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return f"{statistics.mean(values):.2%} ± {deviation:.2%}"


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="MNIST, as the trainer reads it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4, help="of 58 steps each")
    args = parser.parse_args()
    parts = load(args.data)
    for training in TRAININGS.values():  # What the libraries set up once is nobody's time.
        training(*(Part(part.images[:BATCH], part.labels[:BATCH]) for part in parts), 1, 0)
    runs: dict[str, list[Run]] = {name: [] for name in TRAININGS}
    for seed in range(args.rounds):
        for name, training in TRAININGS.items():
            runs[name].append(measure(training, *parts, args.epochs, seed))
            print(f"seed {seed}, {name}: {runs[name][-1]}", flush=True)
    lines = table(runs)
    about = f"{args.epochs * steps_of(parts[0])} steps, {args.rounds} rounds; TensorFlow {tf.__version__}."
    write_section("trainer", "\n".join([about, "", *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
