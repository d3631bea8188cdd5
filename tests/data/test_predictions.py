"""Confusion matrices of models that TensorFlow saved."""

import os

import numpy as np
import pytest

from hptune.data.arrays import Arrays, write_arrays
from hptune.data.predictions import CannotPredictError, confusion_matrix

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
tf = pytest.importorskip("tensorflow")


@pytest.fixture
def data(tmp_path):
    """Rows whose largest feature is the class, but for one."""
    x = np.eye(3, dtype=np.uint8)[[0, 1, 2, 2]] * 255
    path = tmp_path / "data.npz"
    write_arrays(path, Arrays(x, np.array([0, 1, 2, 2]), x, np.array([0, 1, 2, 1])))
    return path


def save(path, function, width):
    module = tf.Module()
    module.f = tf.function(function, input_signature=[tf.TensorSpec([None, width], tf.float32, name="rows")])
    tf.saved_model.save(module, str(path), signatures=module.f)


def test_rows_are_true_classes_and_columns_predicted(tmp_path, data):
    save(tmp_path / "out" / "export", lambda rows: {"id": rows[:, 0], "scores": rows * 2.0}, 3)
    assert confusion_matrix(tmp_path / "out", data) == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


def test_bytes_are_scaled_as_trainers_do(tmp_path, data):
    # Of 0..255 the first feature would never win.
    save(tmp_path / "out", lambda rows: {"scores": tf.concat([rows[:, :1] * 0 + 1.5, rows], 1)}, 3)
    assert confusion_matrix(tmp_path / "out", data) == [[1, 0, 0], [2, 0, 0], [1, 0, 0]]


def test_no_model_is_told(tmp_path, data):
    (tmp_path / "out").mkdir()
    with pytest.raises(CannotPredictError, match="left no SavedModel"):
        confusion_matrix(tmp_path / "out", data)


def test_a_model_of_other_data_is_told(tmp_path, data):
    save(tmp_path / "out", lambda rows: {"scores": rows}, 5)
    with pytest.raises(CannotPredictError, match="does not predict this data"):
        confusion_matrix(tmp_path / "out", data)


def test_a_model_without_a_score_for_each_class_is_told(tmp_path, data):
    save(tmp_path / "out", lambda rows: {"price": rows[:, 0]}, 3)
    with pytest.raises(CannotPredictError, match=r"none of its outputs is \(rows, classes\)"):
        confusion_matrix(tmp_path / "out", data)
