"""The data sets that hptune knows by name: MNIST, and the digits that stand for it without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hptune.data.arrays import Arrays
from hptune.data.containers import Array

MNIST_MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


VALIDATION_FRACTION = 1 / 6
"""MNIST's own: 10,000 of 60,000."""


@dataclass(frozen=True)
class KnownSet:
    """A data set whose content is settled.

    Attributes:
        title: What people call it.
        sha256: ``content_sha256`` of its content.
        mirrors: Addresses to try in turn; one that ends with a slash is a folder of idx files.
        load: Makes it where it has no mirrors.
        claims_files: Whether a file that has its name, apart from endings, must be it.
        validation_fraction: The share of its training part that tells its trials apart.
    """

    title: str
    sha256: str
    mirrors: tuple[str, ...] = ()
    load: Callable[[], Arrays] | None = None
    claims_files: bool = False
    validation_fraction: float = VALIDATION_FRACTION


# A third: with fewer images of the test part, the spread over seeds hides what tuning gains.
_DIGITS_TEST_STRIDE = 3


def load_digits() -> Arrays:
    """Loads the 1797 handwritten digits of 8x8 pixels, 0..16, that come with scikit-learn, as float32.

    Of each class, every third row is for the test, so that the split depends on no random generator.
    """
    import sklearn.datasets  # Takes a second, which other sources need not wait for.

    x, y = sklearn.datasets.load_digits(return_X_y=True)
    test = _every_nth_of_each_class(y, _DIGITS_TEST_STRIDE)
    x, y = x.astype(np.float32), y.astype(np.int32)
    return Arrays(x[~test], y[~test], x[test], y[test])


def _every_nth_of_each_class(labels: Array, stride: int) -> Array:
    """Makes a mask of (rows,): true for the last of each ``stride`` rows of one class."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        mask[np.flatnonzero(labels == label)[stride - 1 :: stride]] = True
    return mask


KNOWN_SETS = {
    "digits": KnownSet(
        "the digits of scikit-learn",
        "4450ece8045d13dac37b27625b4f9c2f717fe17ed74b9aa6a7eebf6707a6e574",
        load=load_digits,
        # With more rows to train on, nearly all parameters find the same; with fewer to measure on, they tie.
        validation_fraction=2 / 3,
    ),
    "mnist": KnownSet(
        "MNIST",
        "ebb7739848f126177781482884716f0af02bae867511aa1f06814d594b889045",
        mirrors=MNIST_MIRRORS,
        claims_files=True,
    ),
}
"""The data sets by the names that ``hptune download`` takes."""

DEFAULT_SET = "digits"

SOURCES = "digits (comes with scikit-learn, no network), mnist (from public mirrors)"
"""The sets of `KNOWN_SETS` in words, for help texts."""


def validation_fraction(source: str) -> float:
    """Returns the share of a data set's training part that trials are measured on where nobody names one.

    Args:
        source: What `hptune.data.download.download` takes.
    """
    known = KNOWN_SETS.get(source)
    return known.validation_fraction if known else VALIDATION_FRACTION
