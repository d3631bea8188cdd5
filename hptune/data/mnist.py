"""Knows MNIST, and the digits that stand for it where there is no network."""

from __future__ import annotations

import numpy as np

from hptune.data.arrays import Arrays
from hptune.data.containers import Array

KNOWN_SHA256 = {
    "mnist": "ebb7739848f126177781482884716f0af02bae867511aa1f06814d594b889045",
    "digits": "f0fe38236b72d80a9b6bfca855b48ce460fa038d45e1953ac60c5881aeb53edd",
}
"""``content_sha256`` of data sets whose content is settled."""

MNIST_MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Tried in turn; an address that ends with a slash is a folder with the four idx files."""

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

_DIGITS_TEST_STRIDE = 5


def load_digits() -> Arrays:
    """The 1797 handwritten digits of 8x8 pixels, 0..16, that come with scikit-learn, as float32.

    Of each class, every fifth row is for the test, so that the split depends on no random generator.
    """
    import sklearn.datasets  # Takes a second, which other sources need not wait for.

    x, y = sklearn.datasets.load_digits(return_X_y=True)
    test = _every_nth_of_each_class(y, _DIGITS_TEST_STRIDE)
    x, y = x.astype(np.float32), y.astype(np.int32)
    return Arrays(x[~test], y[~test], x[test], y[test])


def _every_nth_of_each_class(labels: Array, stride: int) -> Array:
    """Mask of (rows,): true for the last of each ``stride`` rows of one class."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        mask[np.flatnonzero(labels == label)[stride - 1 :: stride]] = True
    return mask
