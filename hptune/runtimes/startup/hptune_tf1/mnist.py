"""MNIST as ``tensorflow.examples.tutorials.mnist.input_data`` and ``tf.contrib.learn.datasets`` read it."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
CLASSES = 10
_SHA256 = {
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""Of the uncompressed content of files that are fetched; what lies in a directory is its owner's matter."""
_MOST_BYTES = 64 << 20
_IDX_BYTES = 0x08  # The type in an idx file's head; after it the number of dimensions.


class DataSet:
    """Images with labels that are taken batch by batch.

    Args:
        images: uint8 [rows, height, width, 1].
        labels: uint8 [rows], or one-hot [rows, 10].
        dtype: Of the images: float32, which scales them to 0..1, or uint8.
        reshape: Whether images are rows of height * width pixels.
        seed: Of the order of the batches; None for another one in each process.
    """

    def __init__(
        self, images: Any, labels: Any, dtype: Any = np.float32, reshape: bool = True, seed: int | None = None
    ) -> None:
        if np.dtype(getattr(dtype, "as_numpy_dtype", dtype)) == np.float32:
            images = images.astype(np.float32) / 255
        self.images = images.reshape(len(images), math.prod(images.shape[1:])) if reshape else images
        self.labels = labels
        self.num_examples = len(images)
        self.epochs_completed = 0
        self._rng = np.random.RandomState(seed)
        self._order = np.arange(self.num_examples)
        self._at = 0

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple[Any, Any]:
        """Returns the next images and labels; a batch over the end of an epoch goes on in the next one."""
        if fake_data:
            raise ValueError("fake_data is not given here; leave it out")
        if shuffle and self._at == self.epochs_completed == 0:
            self._rng.shuffle(self._order)
        rows = self._order[self._at : self._at + batch_size].copy()  # A shuffle is in place.
        self._at += batch_size
        if self._at > self.num_examples:
            self.epochs_completed += 1
            self._at = batch_size - len(rows)
            if shuffle:
                self._rng.shuffle(self._order)
            rows = np.concatenate([rows, self._order[: self._at]])
        return self.images[rows], self.labels[rows]


class Datasets(NamedTuple):
    """MNIST's parts."""

    train: DataSet
    validation: DataSet
    test: DataSet


def read_data_sets(
    train_dir: str,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = np.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = SOURCE_URL,
) -> Datasets:
    """Reads the four files of a directory; those that are not there are fetched into it.

    The first ``validation_size`` images of the training are for the validation.

    Raises:
        ValueError: A file is no idx file or, fetched, is not MNIST's; there are fewer images than asked for.
    """
    if fake_data:
        raise ValueError("fake_data is not given here; leave it out")
    train_images, train_labels, test_images, test_labels = (
        extract(file_of(train_dir, name, source_url), one_hot=one_hot) for name in _SHA256
    )
    if not 0 <= validation_size <= len(train_images):
        raise ValueError(f"validation_size is {validation_size}; must be 0 to {len(train_images)}")
    parts = (
        (train_images[validation_size:], train_labels[validation_size:]),
        (train_images[:validation_size], train_labels[:validation_size]),
        (test_images, test_labels),
    )
    return Datasets(*(DataSet(*part, dtype=dtype, reshape=reshape, seed=seed) for part in parts))


def load_mnist(train_dir: str = "MNIST-data") -> Datasets:
    """Reads MNIST with the usual options."""
    return read_data_sets(train_dir)


def file_of(directory: str, name: str, source_url: str = SOURCE_URL) -> Path:
    """Returns the path of one of MNIST's files in a directory, into which it is fetched if need be.

    Raises:
        ValueError: What was fetched is not MNIST's, or the address is none of the web.
    """
    path = Path(directory, name)
    if path.exists():
        return path
    if not source_url.startswith(("https://", "http://")):
        raise ValueError(f"{source_url} is no address of the web")
    with urllib.request.urlopen(source_url + name, timeout=60) as response:  # noqa: S310  (of the web)
        data = response.read(_MOST_BYTES)
    if hashlib.sha256(gzip.decompress(data)).hexdigest() != _SHA256[name]:
        raise ValueError(f"{source_url}{name} is not MNIST's file of that name")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Trials of one job may share the directory.
    partial = path.with_name(f"{name}.{os.getpid()}.part")
    partial.write_bytes(data)
    partial.replace(path)
    return path


def extract(path: Path, *, one_hot: bool = False) -> Any:
    """Returns what an idx file holds: images, uint8 [rows, height, width, 1], or labels.

    Raises:
        ValueError: It is no such file.
    """
    with gzip.open(path) as file:
        data = file.read(_MOST_BYTES)
    dimensions = data[3] if len(data) > 4 else 0
    head = 4 + 4 * dimensions
    shape = [int(each) for each in np.frombuffer(data[4:head], ">u4")]
    if (
        data[:3] != bytes([0, 0, _IDX_BYTES])
        or dimensions not in (1, 3)
        or len(data) != head + math.prod(shape)
    ):
        raise ValueError(f"{path} is no idx file of images or labels")
    array = np.frombuffer(data, np.uint8, offset=head).reshape(shape)
    if dimensions == 3:
        return array[..., np.newaxis]
    return np.eye(CLASSES)[array] if one_hot else array
