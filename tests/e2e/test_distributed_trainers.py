"""Trainers that were written for several machines run as they are, on processes of one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hptune.trial.metrics.curve import read_curve

ROOT = Path(__file__).parents[2]
TRAINERS = ROOT / "tests" / "trainers"
EXAMPLES = ROOT / "examples"
PATIENCE_S = 600


def config_of(home):
    """The job file of a trainer, which some keep in the package."""
    return next(path for path in (home / "hptune.yaml", home / "trainer" / "hptune.yaml") if path.is_file())


class Tuned:
    """A job of one trial, run to its end."""

    def __init__(self, out, package, *user_args, size=None):
        job = yaml.safe_load(config_of(package).read_text())
        job["trainingInput"]["hyperparameters"]["maxTrials"] = 1
        config = out.with_suffix(".yaml")
        config.write_text(yaml.safe_dump(job))
        command = [
            Path(sys.executable).with_name("hptune"),
            "run",
            "job",
            "--config",
            config,
            "--job-dir",
            out,
        ]
        flags = ["--package-path", package / "trainer", "--module-name", "trainer.task"]
        flags += ["--cluster-size", str(size)] if size else []
        ended = subprocess.run(
            [*command, *flags, "--", *user_args],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert ended.returncode == 0, ended.stderr
        [self.trial] = json.loads((out / "results.json").read_text())["trainingOutput"]["trials"]
        self.state = state = out / "hptune" / "trials" / "1"
        self.lines = (state / "log.txt").read_text().splitlines()
        self.steps = [each.step for each in read_curve(state / "measurements.jsonl")]
        self.output = out / "1"

    @property
    def tasks(self):
        """Those that were started: one that had nothing to print before the master ended has no line."""
        beside = {path.parent.name for path in self.state.glob("tasks/*/trainer.pid")}
        return beside | {line.partition("\t")[0] for line in self.lines if "-replica-" in line}

    @property
    def objective(self):
        return self.trial["finalMetric"]["objectiveValue"]

    def assert_measured_once(self):
        """Each step is in the curve once, in order: what a worker reports would come again."""
        assert self.steps == sorted(set(self.steps))
        assert len(self.steps) > 1


THREE = {"master-replica-0", "worker-replica-0", "ps-replica-0"}


@pytest.mark.usefixtures("tensorflow_1")
def test_an_estimator_trains_and_evaluates_on_its_cluster(tmp_path):
    tuned = Tuned(tmp_path / "job", TRAINERS / "census_style", "--train-steps", "150", size=3)
    assert tuned.tasks == THREE
    tuned.assert_measured_once()
    assert 0.5 < tuned.objective <= 1
    assert list((tuned.output / "eval").glob("*tfevents*"))


@pytest.mark.usefixtures("tensorflow_1")
def test_a_word2vec_keeps_its_vectors_on_a_parameter_server(tmp_path):
    tuned = Tuned(tmp_path / "job", TRAINERS / "word2vec_style", "--max-steps", "200", size=3)
    assert tuned.tasks == THREE
    tuned.assert_measured_once()


@pytest.mark.usefixtures("tensorflow_1")
def test_a_keras_model_is_kept_equal_on_its_workers(tmp_path):
    tuned = Tuned(tmp_path / "job", TRAINERS / "multi_worker_style")
    assert tuned.tasks == {"master-replica-0", "worker-replica-0"}
    # Both report each epoch; the chief's counts.
    assert tuned.steps == [1, 2, 3]
    assert sum("replicas in sync: 2" in line for line in tuned.lines) == 2
    assert (tuned.output / "model").is_dir()


def test_the_example_of_parameter_servers(tmp_path):
    tuned = Tuned(tmp_path / "job", EXAMPLES / "parameter_server", "--steps", "60", size=3)
    assert tuned.tasks == THREE
    assert tuned.steps == [20, 40, 60]
