"""Trains the example over a grid of learning rates and writes its accuracy after every 200 steps.

    python -m benchmarks.tabulate_mnist MNIST.npz

The table serves as a task of ``benchmarks.suggest``: with a constant rate, a training of n steps is what a
training of 10,000 steps was after n of them, so a row for each rate is enough. Rates that the table has are
not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TRAINER = Path(__file__).resolve().parents[1] / "examples" / "mnist"
TABLE = Path(__file__).resolve().parent / "tables" / "mnist.json"
RATES = [float(f"{rate:.6g}") for rate in np.geomspace(0.001, 0.1, 9)]
MAX_STEPS = 10_000
INTERVAL = 200


def train(data: Path, lr: float) -> list[float]:
    """Trains and returns the test accuracies, 0..1, after INTERVAL, 2 INTERVAL, ... MAX_STEPS steps."""
    with tempfile.TemporaryDirectory() as job_dir:
        options = {"train-file": data, "job-dir": job_dir, "lr": lr, "num-steps": MAX_STEPS}
        tokens = [f"--{name}={value}" for name, value in options.items()]
        tokens.append(f"--eval-interval={INTERVAL}")
        command = [sys.executable, "-m", "trainer.mnist_mlp_lr_numsteps", *tokens]
        environment = {**os.environ, "PYTHONPATH": str(TRAINER)}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = re.findall(r"^step \d+: accuracy (\S+)", result.stdout, re.MULTILINE)
    accuracies = [float(accuracy) for accuracy in lines]
    if len(accuracies) != MAX_STEPS // INTERVAL:
        raise RuntimeError(f"the trainer printed {len(accuracies)} accuracies:\n{result.stdout}")
    return accuracies


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data.resolve()
    rows = json.loads(TABLE.read_text())["accuracy"] if TABLE.exists() else {}
    for lr in RATES:
        if str(lr) not in rows:
            rows[str(lr)] = train(data, lr)
            lines = ",\n".join(f"  {json.dumps(rate)}: {json.dumps(row)}" for rate, row in rows.items())
            TABLE.parent.mkdir(exist_ok=True)
            TABLE.write_text(f'{{"interval": {INTERVAL}, "accuracy": {{\n{lines}\n}}}}\n')
        print(f"lr {lr}: best {max(rows[str(lr)]):.4f}", flush=True)


if __name__ == "__main__":
    main()
