"""Trains the example at ML Engine's reference points and prints the accuracies beside those of its service.

    python -m benchmarks.mnist_reference MNIST.npz [--seeds 3]

The original protocol: 60,000 images to train on, accuracy on the 10,000 test images.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAINER = Path(__file__).resolve().parents[1] / "examples" / "mnist"
# (lr, steps, what TensorFlow 1.6 reached on ML Engine)
POINTS = (
    (0.1, 200, "96.49 %"),
    (0.01, 2000, "about 98.2 %"),
    (0.0149, 7658, "above both (best of ML Engine's 10 trials)"),
)


def train(data: Path, lr: float, steps: int, seed: int, batch_size: int = 1024) -> float:
    """Trains once and returns the test accuracy, 0..1."""
    with tempfile.TemporaryDirectory() as job_dir:
        options = {"train-file": data, "job-dir": job_dir, "lr": lr, "num-steps": steps, "seed": seed}
        options["batch-size"] = batch_size
        tokens = [f"--{name}={value}" for name, value in options.items()]
        # One evaluation, at the end: the others would only cost time.
        command = [sys.executable, "-m", "trainer.mnist_mlp_lr_numsteps", *tokens, f"--eval-interval={steps}"]
        environment = {**os.environ, "PYTHONPATH": str(TRAINER)}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    match = re.search(r"^Test accuracy: (.+)$", result.stdout, re.MULTILINE)
    if match is None:
        raise RuntimeError(f"the trainer printed no accuracy:\n{result.stdout}")
    return float(match[1])


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    print("| lr | steps | ML Engine, TensorFlow 1.6 | here, mean | here, each seed | seconds a training |")
    print("|---|---|---|---|---|---|")
    for lr, steps, reference in POINTS:
        start = time.monotonic()
        accuracies = [train(args.data.resolve(), lr, steps, seed) for seed in range(args.seeds)]
        seconds = (time.monotonic() - start) / args.seeds
        each = ", ".join(f"{accuracy:.2%}" for accuracy in accuracies)
        mean = statistics.mean(accuracies)
        print(f"| {lr} | {steps} | {reference} | {mean:.2%} | {each} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
