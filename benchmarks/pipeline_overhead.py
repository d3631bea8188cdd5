"""Times the pipeline against the bare job: the same trials, the same final training, on digits.

    .venv/bin/python -m benchmarks.pipeline_overhead

The bare job is `hptune download`, `preprocess`, `run` and `train`; the pipeline's further work is its start,
a process a step, and the report with the confusion matrix.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "mnist" / "trainer"
MODULE = "trainer.mnist_mlp_lr_numsteps"
_STEPS = {"parameterName": "num-steps", "type": "INTEGER", "minValue": 100, "maxValue": 500}
_RATES = {
    "parameterName": "lr",
    "type": "DOUBLE",
    "minValue": 0.001,
    "maxValue": 0.1,
    "scaleType": "UNIT_LOG_SCALE",
}
_TUNING = {"hyperparameterMetricTag": "accuracy", "maxTrials": 3, "params": [_STEPS, _RATES]}
JOB = json.dumps({"trainingInput": {"hyperparameters": _TUNING}})


def seconds(commands: Sequence[Sequence[str]]) -> float:
    """Measures how long commands take, one after the other."""
    start = time.monotonic()
    for command in commands:
        subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    return time.monotonic() - start


def bare(folder: Path, config: Path) -> list[list[str]]:
    """Returns the commands of the job by `hptune` alone."""
    data, tune, final, job = (str(folder / name) for name in ("data.npz", "tune.npz", "final.npz", "bare"))
    trainer = ["--package-path", str(EXAMPLE), "--module-name", MODULE, "--job-dir", job]
    hptune = "hptune"
    return [
        [hptune, "download", "digits", "--output", data],
        [hptune, "preprocess", data, "--tune-file", tune, "--final-file", final],
        [hptune, "run", "job", "--config", str(config), *trainer, "--", "--train-file", tune],
        [hptune, "train", job, "--", "--train-file", final],
    ]


def pipeline(folder: Path, config: Path) -> list[list[str]]:
    """Returns the command of the job as a pipeline."""
    where = ["--job-dir", str(folder / "pipeline"), "--output", str(folder / "outputs")]
    return [["pipelines.mnist", "run", "--data", "digits", "--config", str(config), *where]]


def main() -> None:
    """Runs both and prints the seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "hptune.yaml"
        config.write_text(JOB, encoding="utf-8")
        alone, whole = seconds(bare(folder, config)), seconds(pipeline(folder, config))
    print(f"bare job {alone:.1f} s, pipeline {whole:.1f} s: {whole - alone:.1f} s more")


if __name__ == "__main__":
    main()
