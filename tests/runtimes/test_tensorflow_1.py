"""The managed environment, made once in the user's cache: it takes 1.5 GB there and needs PyPI once."""

import json
import pickle
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.tensorflow_1 import run_program

HPTUNE = Path(sys.executable).with_name("hptune")
TRAINERS = Path(__file__).parents[1] / "trainers"
SHARED = Path(__file__).parents[2].parent / "shared"

pytestmark = pytest.mark.usefixtures("tensorflow_1")


def run(home, command):
    return subprocess.run(
        [HPTUNE, *shlex.split(command)], cwd=home, capture_output=True, text=True, check=False, timeout=600
    )


def trials(home):
    return json.loads((home / "out" / "results.json").read_text())["trainingOutput"]["trials"]


def test_what_public_trainers_use_of_tensorflow_1_is_there(tensorflow_1, tmp_path):
    # The variable as some set it for TensorFlow 2.
    ended = run_program(tensorflow_1, "contrib_program.py", cwd=tmp_path, TF_USE_LEGACY_KERAS="1")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["missing"] == []
    assert found["export"]
    assert (found["version"], found["eager"], found["functions"]) == ("1.15.5", False, [True, True])
    assert found["hparams"] == {"lr": 1.0, "layers": [3, 4], "relu": False}
    assert found["values"] == [[1, 0, 2], [0, 1, 2]]
    assert found["bytes"] == [True, True]
    assert found["libraries"] == [0, 1]
    assert found["signatures"] == [True, True]
    assert found["trained"] == [12, True]
    assert found["fitted"] == [3, 3]
    assert "tfa.seq2seq" in found["seq2seq"]
    assert "the package tensorflow-gan has it" in found["gan"]


def test_a_trainer_of_2018_is_tuned_as_it_is(tmp_path):
    shutil.copytree(TRAINERS / "estimator_style", tmp_path / "home")
    home = tmp_path / "home"
    flags = "--config hptune.yaml --package-path trainer --module-name trainer.task --job-dir out"
    ended = run(home, f"run blobs {flags} -- --train-steps 60")
    assert ended.returncode == 0, ended.stderr
    assert "the trainer runs in TensorFlow 1: runtimeVersion 1.8, tensorflow.contrib" in ended.stderr
    for trial in trials(home):
        # Of its Estimator's evaluation, in a directory that the trainer did not choose.
        assert trial["finalMetric"]["trainingStep"] == "60"
        assert trial["finalMetric"]["objectiveValue"] > 0.9
        assert list((home / "out" / trial["trialId"]).glob("estimator-*/eval/*tfevents*"))
    kept = json.loads((home / "out" / "hptune" / "job.json").read_text())["submission"]["runtime"]
    assert (kept["kind"], kept["requirements"]) == ("tf1", ["tensorflow-gpu==1.8.0", "six>=1.10"])


def test_a_trainer_in_the_wrong_runtime_is_told_the_right_one(tmp_path):
    (tmp_path / "task.py").write_text("import tensorflow as tf\ntf.placeholder(tf.float32)\n")
    params = [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]
    job = {"trainingInput": {"hyperparameters": {"maxTrials": 1, "params": params}}}
    (tmp_path / "hptune.yaml").write_text(yaml.safe_dump(job))
    ended = run(tmp_path, "run j --config hptune.yaml --module-name task --job-dir out --runtime python")
    assert ended.returncode == 1
    assert "this trainer uses TensorFlow 1; run it with --runtime tf1" in ended.stderr


@pytest.mark.skipif(not (SHARED / "seed").is_dir(), reason=f"needs the trainer in {SHARED / 'seed'}")
def test_the_trainer_that_this_project_comes_from_is_tuned_as_it_is(tmp_path):
    home = Path(shutil.copytree(SHARED / "seed", tmp_path / "home"))
    arrays = np.load(SHARED / "data" / "mnist.npz")
    parts = tuple((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    (home / "mnist.pkl").write_bytes(pickle.dumps(parts))
    # Its own file but for the number of trials: ten of them take an hour.
    (home / "trainer").chmod(0o755)
    job = yaml.safe_load((home / "trainer" / "hptune.yaml").read_text())
    job["trainingInput"]["hyperparameters"]["maxTrials"] = 1
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(job))
    flags = "--job-dir out --runtime-version 1.6 --region us-east1 --package-path ./trainer"
    module = "--module-name trainer.mnist_mlp_lr_numsteps"
    args = f"--train-file {home / 'mnist.pkl'} --num-steps 200 --lr 0.1"
    ended = run(home, f"run mnist {flags} {module} --config {tmp_path / 'one.yaml'} -- {args}")
    assert ended.returncode == 0, ended.stderr
    (trial,) = trials(home)
    assert trial["finalMetric"]["trainingStep"] == "200"
    assert 0.95 <= trial["finalMetric"]["objectiveValue"] <= 0.97
