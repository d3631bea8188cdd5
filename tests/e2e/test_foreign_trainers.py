"""Trainers written for ML Engine, none of which knows hptune, are tuned as they are."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TRAINERS = Path(__file__).parents[1] / "trainers"


def tune(name, out, max_trials, *user_args):
    """Runs a trainer's job with fewer trials; returns its trials, best first."""
    home = TRAINERS / name
    job_file = yaml.safe_load((home / "hptune.yaml").read_text())
    job_file["trainingInput"]["hyperparameters"]["maxTrials"] = max_trials
    config = out.with_suffix(".yaml")
    config.write_text(yaml.safe_dump(job_file))
    command = [Path(sys.executable).with_name("hptune"), "run", name, "--config", config, "--job-dir", out]
    flags = ["--package-path", home / "trainer", "--module-name", "trainer.task"]
    result = subprocess.run([*command, *flags, "--", *user_args], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    trials = json.loads((out / "results.json").read_text())["trainingOutput"]["trials"]
    assert sorted(trial["trialId"] for trial in trials) == [str(i + 1) for i in range(max_trials)]
    assert {trial["state"] for trial in trials} == {"SUCCEEDED"}
    return trials


def log_of(out, trial):
    return (out / "hptune" / "trials" / trial["trialId"] / "log.txt").read_text()


def objectives(trials):
    return [trial["finalMetric"]["objectiveValue"] for trial in trials]


def test_a_trainer_that_only_prints(tmp_path):
    out = tmp_path / "job"
    trials = tune("print_style", out, 4, "--epochs", "2")
    trainer = runpy.run_path(str(TRAINERS / "print_style" / "trainer" / "task.py"))
    for trial in trials:
        window = int(trial["hyperparameters"]["window-size"])
        assert 2 <= window <= 24
        assert f"training with a window of {window} days" in log_of(out, trial)
        losses = [trainer["mse"](trainer["demand"](730, seed=seed), window) for seed in (1, 2)]
        assert trial["finalMetric"] == {
            "objectiveValue": pytest.approx(sum(losses) / 2, abs=5e-5),
            "trainingStep": "2",
        }
    assert objectives(trials) == sorted(objectives(trials))


def test_a_trainer_that_uses_cloudml_hypertune(tmp_path):
    out = tmp_path / "job"
    trials = tune("hypertune_style", out, 3, "--epochs", "2")
    for trial in trials:
        assert 0.0001 <= float(trial["hyperparameters"]["learning-rate"]) <= 0.1
        assert trial["hyperparameters"]["activation"] in {"relu", "tanh", "logistic"}
        last = log_of(out, trial).splitlines()[-1]
        assert last.startswith("Epoch 2/2 - val accuracy: ")
        assert trial["finalMetric"]["objectiveValue"] == pytest.approx(float(last.split()[-1]), abs=5e-5)
        assert trial["finalMetric"]["trainingStep"] == "2"
        assert (out / trial["trialId"] / "model.joblib").is_file()
    assert objectives(trials) == sorted(objectives(trials), reverse=True)


def test_a_trainer_that_writes_tensorflow_summaries_in_its_own_place(tmp_path):
    out = tmp_path / "job"
    trials = tune("summary_style", out, 2, "--train_steps", "100")
    for trial in trials:
        # An int for its --hidden_units, or argparse would have refused it.
        assert int(trial["hyperparameters"]["hidden_units"]) in {1, 2, 4, 8, 16, 32}
        assert 0.01 <= float(trial["hyperparameters"]["learning_rate"]) <= 1.0
        assert trial["finalMetric"]["trainingStep"] == "100"
        # Not the training's loss: of 500 rows a whole number is right.
        right = trial["finalMetric"]["objectiveValue"] * 500
        assert right == pytest.approx(round(right), abs=1e-3)
        # It appends the trial's id to its --job-dir itself.
        assert list((out / trial["trialId"] / trial["trialId"] / "validation").glob("*tfevents*"))
    assert objectives(trials) == sorted(objectives(trials), reverse=True)
