"""Trainers of Keras 2, in the managed environment."""

import shutil
from pathlib import Path

import pytest

from tests.cases.small_jobs import Folder

TRAINERS = Path(__file__).parents[1] / "trainers"

pytestmark = pytest.mark.usefixtures("tensorflow_1")


def test_a_trainer_of_keras_2_is_tuned_as_it_is(tmp_path, monkeypatch):
    shutil.copytree(TRAINERS / "keras2_style", tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    # As some set it for TensorFlow 2.16.
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    home = Folder(tmp_path / "home")
    ended = home.run()
    assert ended.code == 0, ended.err
    assert "the trainer runs in Keras 2: runtimeVersion 2.3, tf.keras in trainer/task.py" in ended.err
    (trial,) = home.trials().values()
    # Up to TensorFlow 2.10 it was called lr.
    given = float(trial["hyperparameters"]["lr"])
    assert f"lr {given:.5f}" in home.log(1)
    assert trial["finalMetric"]["objectiveValue"] > 0.7
    assert "keras 2.15.0" in home.log(1)
    assert (home.path / "out" / "1" / "export" / "saved_model.pb").is_file()
