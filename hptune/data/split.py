"""Step two: makes of one data set the two files that trainers get, for tuning and for the final training.

Features become flat rows. Bytes that are pixels stay bytes, which the trainer divides by 255: a training step
takes the same time with bytes as with floats, and the file is a quarter of the size. All other features
become float32, divided by the training part's largest magnitude where that is above 1. Labels become int32.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hptune.data.arrays import Arrays, flat_rows, read_arrays, write_arrays
from hptune.data.containers import Array
from hptune.errors import Fault, UsageError

_MAX_SEED = 2**32 - 1
_PIXEL_FROM = 128
"""Bytes that reach the upper half of their range are pixels; lower ones are counts or few grey levels."""


@dataclass(frozen=True)
class Summary:
    """What was written.

    Attributes:
        train_rows: Rows that tuning trains on.
        validation_rows: Rows that tuning evaluates on; 0 where it uses the test part.
        test_rows: Rows of the test part.
        features: Features a row.
        classes: Number of classes: the highest label of the training part, and one.
        dtype: Type of the features in both files: uint8 (to be divided by 255) or float32.
        divisor: What the features were divided by to make float32 of them; 1 where they were not.
    """

    train_rows: int
    validation_rows: int
    test_rows: int
    features: int
    classes: int
    dtype: str
    divisor: float


def preprocess(
    source: Path, *, tune_file: Path, final_file: Path, validation_fraction: float = 1 / 6, seed: int = 0
) -> Summary:
    """Writes the data for tuning and for the final training.

        tune_file     trains on a share of the training part, evaluates on the rest of it
        final_file    trains on all of the training part, evaluates on the test part

    Args:
        source: The data set, in any format that ``datasets.read_arrays`` accepts.
        tune_file: The .npz to write for tuning.
        final_file: The .npz to write for the final training.
        validation_fraction: Share of the training part, 0 <= f < 1, that tuning evaluates on; each class
            gives that share of its rows. With 0 tuning, too, trains on all of it and uses the test part.
        seed: Which rows those are; equal seeds choose equal rows.

    Raises:
        UsageError: The arguments contradict each other, or the split they ask for is not possible.
        DataError: ``source`` cannot be used.
        StorageError: A file cannot be written.
    """
    _check_arguments(tune_file, final_file, validation_fraction, seed)
    arrays = read_arrays(source)
    final, divisor = _prepared(arrays)
    validation = _validation_mask(final.y_train, validation_fraction, seed)
    write_arrays(tune_file, _split(final, validation) if validation.any() else final)
    write_arrays(final_file, final)
    return Summary(
        train_rows=int(np.count_nonzero(~validation)),
        validation_rows=int(np.count_nonzero(validation)),
        test_rows=len(final.y_test),
        features=final.x_train.shape[1],
        classes=int(final.y_train.max()) + 1,
        dtype=str(final.x_train.dtype),
        divisor=divisor,
    )


def _check_arguments(tune_file: Path, final_file: Path, validation_fraction: float, seed: int) -> None:
    faults = []
    if tune_file.absolute() == final_file.absolute():
        faults.append(Fault("final_file", f"{final_file} is tune_file, too; allowed: two different files"))
    if not 0 <= validation_fraction < 1:
        faults.append(
            Fault("validation_fraction", f"{validation_fraction} is not allowed (must be 0 <= f < 1)")
        )
    if not 0 <= seed <= _MAX_SEED:
        faults.append(Fault("seed", f"{seed} is not allowed (must be 0 to {_MAX_SEED})"))
    if faults:
        raise UsageError(faults)


def _prepared(arrays: Arrays) -> tuple[Arrays, float]:
    """Returns the arrays as trainers get them, and what the features were divided by."""
    x_train, x_test = flat_rows(arrays.x_train), flat_rows(arrays.x_test)
    divisor = 1.0
    if not (_is_pixels(x_train) and x_test.dtype == np.uint8):
        # Of the training part alone: nothing of the test part may be known before the evaluation.
        largest = max(float(x_train.max()), -float(x_train.min()))
        divisor = largest if largest > 1 else 1.0
        x_train, x_test = ((x / divisor).astype(np.float32) for x in (x_train, x_test))
    y_train, y_test = arrays.y_train.astype(np.int32), arrays.y_test.astype(np.int32)
    return Arrays(x_train, y_train, x_test, y_test), divisor


def _is_pixels(x: Array) -> bool:
    return x.dtype == np.uint8 and int(x.max()) >= _PIXEL_FROM


def _validation_mask(labels: Array, fraction: float, seed: int) -> Array:
    """Makes a mask of (rows,): true for the rows that tuning evaluates on, drawn evenly from each class."""
    from sklearn.model_selection import train_test_split  # Takes a second, which callers' --help need not.

    mask = np.zeros(len(labels), bool)
    if fraction:
        rows = round(fraction * len(labels))
        _check_split(labels, fraction, rows)
        _, chosen = train_test_split(
            np.arange(len(labels)), test_size=rows, random_state=seed, stratify=labels
        )
        mask[chosen] = True
    return mask


def _check_split(labels: Array, fraction: float, validation_rows: int) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    remedy = "; allowed: another fraction, or 0 to evaluate on the test part"
    if (counts < 2).any():
        alone = ", ".join(map(str, classes[counts < 2][:10]))
        problem = f"y_train has a single row of class {alone}, and a split by class needs two of each"
        raise UsageError(Fault("validation_fraction", problem + "; allowed: 0, which splits nothing"))
    if not len(classes) <= validation_rows <= len(labels) - len(classes):
        problem = (
            f"{fraction:g} leaves {len(labels) - validation_rows} rows for training and {validation_rows} "
            f"for validation; each needs a row for each of the {len(classes)} classes"
        )
        raise UsageError(Fault("validation_fraction", problem + remedy))


def _split(final: Arrays, validation: Array) -> Arrays:
    x, y = final.x_train, final.y_train
    return Arrays(x[~validation], y[~validation], x[validation], y[validation])
