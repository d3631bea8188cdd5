"""Measures trials of several tasks on this machine: how long one takes to start, and to train.

    python -m benchmarks.distributed [--rounds N]

A start is the time until each of a trial's tasks has imported TensorFlow and answered the master.
The training is that of examples/multi_worker, by one process and by two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

_EXAMPLE = Path(__file__).parents[1] / "examples" / "multi_worker"
_STARTS = """
import json, os, socket, time
import tensorflow
config = json.loads(os.environ["TF_CONFIG"])
kind, index = config["task"]["type"], config["task"]["index"]
def address(text):
    host, port = text.split(":")
    return host, int(port)
if kind == "master":
    for each in [a for role in ("worker", "ps") for a in config["cluster"].get(role, [])]:
        while True:
            try:
                socket.create_connection(address(each)).close()
                break
            except OSError:
                time.sleep(0.01)
    print("ready=1", flush=True)
else:
    socket.create_server(address(config["cluster"][kind][index])).accept()
"""
_ROLES = {
    "workerCount": 2,
    "workerType": "standard",
    "parameterServerCount": 1,
    "parameterServerType": "standard",
}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        starts = {size: _starts(folder / f"start-{size}", size, rounds) for size in (1, 4)}
        trainings = {size: _trainings(folder / f"train-{size}", size, rounds) for size in (1, 2)}
    print("| | median | lowest to highest |\n|---|---|---|")
    for what, figures in (
        ("start of 1 task", starts[1]),
        ("start of 1 master, 2 workers, 1 parameter server", starts[4]),
        ("multi_worker's training, 20 epochs, 1 process", trainings[1]),
        ("the same, 2 processes", trainings[2]),
    ):
        print(f"| {what} | {statistics.median(figures):.1f} s | {min(figures):.1f} to {max(figures):.1f} s |")


def _starts(folder: Path, size: int, rounds: int) -> list[float]:
    """Returns how long each trial took until all of its tasks had met, in seconds."""
    package = folder / "trainer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "task.py").write_text(_STARTS, encoding="utf-8")
    training: dict[str, Any] = {"scaleTier": "CUSTOM", "masterType": "standard", **_ROLES}
    return _durations(folder, training, "ready", package, size, rounds, "--module-name", "trainer.task")


def _trainings(folder: Path, size: int, rounds: int) -> list[float]:
    """Returns how long each trial of the example took, in seconds."""
    folder.mkdir(parents=True)
    training = {
        "scaleTier": "CUSTOM",
        "masterType": "standard",
        "workerCount": 1,
        "workerType": "standard",
        "runtimeVersion": "2.11",
    }
    words = ("--module-name", "trainer.task", "--", "--epochs", "20")
    return _durations(folder, training, "val_accuracy", _EXAMPLE / "trainer", size, rounds, *words)


def _durations(
    folder: Path, training: dict[str, Any], tag: str, package: Path, size: int, rounds: int, *words: str
) -> list[float]:
    params = [{"parameterName": "hidden-units", "type": "INTEGER", "minValue": 31, "maxValue": 33}]
    tuning = {"hyperparameterMetricTag": tag, "maxTrials": rounds, "params": params}
    config = folder / "hptune.json"
    config.write_text(json.dumps({**training, "hyperparameters": tuning}), encoding="utf-8")
    job = folder / "job"
    command = [sys.executable, "-m", "hptune", "run", "job", "--config", str(config), "--job-dir", str(job)]
    command += ["--package-path", str(package), "--cluster-size", str(size), *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    trials = json.loads((job / "results.json").read_text(encoding="utf-8"))["trainingOutput"]["trials"]
    return [_seconds(trial["startTime"], trial["endTime"]) for trial in trials]


def _seconds(start: str, end: str) -> float:
    begin, finish = (datetime.fromisoformat(each.replace("Z", "+00:00")) for each in (start, end))
    return (finish - begin).total_seconds()


if __name__ == "__main__":
    main()
