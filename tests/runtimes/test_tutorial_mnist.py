"""TensorFlow's tutorial reader of MNIST; the environment is that of `test_tensorflow_1`."""

import gzip
import json
import struct

import numpy as np
import pytest

from tests.tensorflow_1 import run_program

PROGRAM = "mnist_program.py"
NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def write_idx(path, array):
    head = struct.pack(">I", 0x0800 | array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


@pytest.fixture
def directory(tmp_path):
    """Eight images to train on, with the labels 0 to 7, and two to test on."""
    labels = np.arange(8, dtype=np.uint8)
    images = np.full((8, 2, 3), 255, np.uint8) * (labels[:, None, None] > 0)
    arrays = (images, labels, images[:2], labels[:2])
    for name, array in zip(NAMES, arrays, strict=True):
        write_idx(tmp_path / f"{name}-ubyte.gz", array.astype(np.uint8))
    return tmp_path


def test_images_and_labels_come_as_the_tutorial_gave_them(tensorflow_1, directory):
    ended = run_program(tensorflow_1, PROGRAM, directory)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    first, second, third = found.pop("batches")
    assert sorted(first + second[:2]) == [2, 3, 4, 5, 6, 7]  # one epoch, but for the validation's two
    assert len(second) == len(third) == 4
    assert found == {
        "rows": [6, 2, 2],
        "images": [6, 1.0, "float32"],
        "labels": [[float(i == label) for i in range(10)] for label in (0, 1)],
        "as_they_are": [[2, 3, 1], "uint8"],
        "plain_labels": [0, 1],
        "epochs": 1,
        "in_order": [0, 1, 2],
    }


def test_what_is_no_idx_file_is_named(tensorflow_1, directory):
    (directory / f"{NAMES[1]}-ubyte.gz").write_bytes(gzip.compress(b"no such file"))
    ended = run_program(tensorflow_1, PROGRAM, directory)
    assert f"{NAMES[1]}-ubyte.gz is no idx file of images or labels" in ended.stderr
