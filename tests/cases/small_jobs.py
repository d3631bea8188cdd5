"""Small jobs in a folder of their own, run there as people type it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.entry_point import call

SHARED = Path(__file__).parents[2].parent / "shared" / "cases"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the inputs in {SHARED}")

ARGUMENTS = """\
import argparse, json, os, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--job-dir")
"""
PACKAGE = "--package-path trainer --module-name trainer.task"


@dataclass(frozen=True)
class Folder:
    """A folder as a user has it: job files, and a package `trainer`."""

    path: Path

    def write_trainer(self, body, arguments=ARGUMENTS):
        (self.path / "trainer").mkdir(exist_ok=True)
        (self.path / "trainer" / "__init__.py").touch()
        (self.path / "trainer" / "task.py").write_text(arguments + body)

    def write_job(self, *params, name="hptune.yaml", training=None, **tuning):
        """A job file; ``params`` are its parameters, one in 0.1..1 without any."""
        params = params or ({"parameterName": "x", "type": "DOUBLE", "minValue": 0.1, "maxValue": 1},)
        hyperparameters = {"hyperparameterMetricTag": "score", "params": list(params), **tuning}
        given = {**(training or {}), "hyperparameters": hyperparameters}
        (self.path / name).write_text(yaml.safe_dump({"trainingInput": given}))

    def with_max_trials(self, name, count):
        """Changes how many trials the job in a file has."""
        content = yaml.safe_load((self.path / name).read_text())
        content["trainingInput"]["hyperparameters"]["maxTrials"] = count
        (self.path / name).write_text(yaml.safe_dump(content))

    def run(self, job="c", *more, config="hptune.yaml", flags=PACKAGE, out="out"):
        return call(f"run {job} --config {config} {flags} --job-dir {out}", *more)

    def trials(self, out="out"):
        """The trials of ML Engine's results, by number."""
        results = json.loads((self.path / out / "results.json").read_text())["trainingOutput"]
        return {int(trial["trialId"]): trial for trial in results["trials"]}

    def log(self, trial, out="out"):
        return (self.path / out / "hptune" / "trials" / str(trial) / "log.txt").read_text()


def shared_case(name, place):
    """A copy of one of the shared folders, which the test may change."""
    return Folder(Path(shutil.copytree(SHARED / name, place / name)))
