"""Reads labelled images from an npz file or from the classic mnist.pkl[.gz]."""

from __future__ import annotations

import gzip
import io
import pickle
from typing import NamedTuple

import numpy as np
import tensorflow as tf

CLASSES = 10
# All that a pickle of arrays refers to: Python 2 and 3, numpy 1 and 2, each pickle protocol.
ARRAY_GLOBALS = {
    *("numpy.ndarray", "numpy.dtype", "_codecs.encode"),
    *("numpy.core.multiarray._reconstruct", "numpy.core.numeric._frombuffer"),
    *("numpy._core.multiarray._reconstruct", "numpy._core.numeric._frombuffer"),
}


class DataError(ValueError):
    """The data file cannot be used; the message names it and says why."""


class Part(NamedTuple):
    """Images, float32 [rows, width], and their labels, int64 [rows] in 0..9."""

    images: np.ndarray
    labels: np.ndarray


class ArrayUnpickler(pickle.Unpickler):
    """Builds arrays and refuses to import anything else that a file may name."""

    def find_class(self, module: str, name: str) -> object:
        """Looks up one of ARRAY_GLOBALS."""
        if f"{module}.{name}" not in ARRAY_GLOBALS:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which is no part of an array")
        return super().find_class(module, name)


def load(path: str) -> tuple[Part, Part]:
    """Reads the training and the test part of a local or gs:// file.

    Raises:
        DataError: The file is missing, damaged or of another format.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            raw = file.read()
    except tf.errors.OpError as error:
        raise DataError(f"{path}: {error.message}") from error
    try:
        arrays = read_npz(raw) if raw.startswith(b"PK") else read_pickle(raw)
        train, test = make_part(*arrays[:2]), make_part(*arrays[2:])
        if train.images.shape[1] != test.images.shape[1]:
            raise ValueError("train and test images differ in size")
    except Exception as error:  # a damaged zip, gzip or pickle raises nearly anything
        raise DataError(f"{path}: not an npz or pickle of labelled images: {error}") from error
    return train, test


def read_npz(raw: bytes) -> list[np.ndarray]:
    """Reads images and labels of the training part, then of the test part."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return [arrays[key] for key in ("x_train", "y_train", "x_test", "y_test")]


def read_pickle(raw: bytes) -> list[np.ndarray]:
    """Reads the same four arrays; a pickle holds (train, valid, test), and train takes valid in."""
    plain = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    train, valid, test = ArrayUnpickler(io.BytesIO(plain), encoding="latin1").load()
    return [*map(np.concatenate, zip(train, valid, strict=True)), *test]


def make_part(images: np.ndarray, labels: np.ndarray) -> Part:
    """Checks and flattens images; uint8 is scaled to 0..1, floats are taken as they are."""
    if labels.ndim != 1 or len(images) != len(labels) or images.size == 0:
        raise ValueError(f"images of shape {images.shape} with labels of shape {labels.shape}")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError(f"labels are not whole numbers in 0..{CLASSES - 1}")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(f"images are {images.dtype}; uint8 and float32 are known")
    scale = np.float32(255 if images.dtype == np.uint8 else 1)
    flat = images.reshape(len(images), -1).astype(np.float32) / scale
    if not np.isfinite(flat).all():
        raise ValueError("images hold NaN or infinity")
    return Part(flat, labels.astype(np.int64))
