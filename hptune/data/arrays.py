"""Training and test data: the arrays, the file they lie in, and a checksum of what they say.

The file is an .npz with x_train, y_train, x_test and y_test; every step reads it and every trainer gets one.

    x_*   (rows, ...)  integers or floats, finite
    y_*   (rows,)      integers, 0 to n - 1 for n classes
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hptune.data import containers
from hptune.data.containers import Array
from hptune.errors import DataError, Fault
from hptune.storage.transfer import MAX_BYTES, atomic_file

MAX_CLASSES = 10_000


# Dividing by 255 is the common way to bring bytes to 0..1; the classic pickles divided by 256.
_BYTE_DIVISORS = (1, 255, 256)
_BLOCK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Arrays:
    """A data set in two parts, for training and for evaluation.

    Attributes:
        x_train: Features, (rows, ...).
        y_train: Labels, (rows,).
        x_test: Features, (test rows, ...).
        y_test: Labels, (test rows,).
    """

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    def __iter__(self) -> Iterator[tuple[str, Array]]:
        return ((name, getattr(self, name)) for name in containers.NAMES)


def flat_rows(x: Array) -> Array:
    """Flattens (rows, ...) to (rows, features)."""
    return x.reshape(len(x), -1)


def read_arrays(path: Path, *, place: str | None = None, max_bytes: int = MAX_BYTES) -> Arrays:
    """Reads a data set from any container that ``dataformats`` knows.

    Args:
        path: A file, or a directory of idx files.
        place: What to call it in messages; ``path`` where None.
        max_bytes: The most that the content may take, decompressed.

    Raises:
        DataError: The file is missing, damaged, too large, of an unknown format, or its arrays do not go
            together; every fault found is listed.
    """
    place = place or str(path)
    if not path.is_file() and not path.is_dir():
        raise DataError(Fault(place, f"no such file; allowed: {containers.ALLOWED}"))
    try:
        parts = containers.read_container(path, max_bytes)
    except ValueError as error:
        raise DataError(Fault(place, f"{error}; allowed: {containers.ALLOWED}")) from error
    arrays = Arrays(**{name: _column(part) if name[0] == "y" else part for name, part in parts.items()})
    _check(arrays, place)
    return arrays


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Writes the .npz; equal arrays give equal bytes, and an old file is replaced only by a whole one.

    Not compressed: a trial reads it sooner, and the bytes do not depend on the version of zlib.

    Raises:
        DataError: The arrays are not what ``read_arrays`` accepts.
        StorageError: The file cannot be written.
    """
    _check(arrays, str(path))
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **dict(arrays))


def content_sha256(arrays: Arrays) -> str:
    """Computes a checksum of what the arrays say, whichever container or number type they came in.

    Rows are flattened, and labels are taken as int64. Features that are bytes, or bytes divided by 255 or by
    256, are taken as bytes; all others as float64.

    Returns:
        64 hexadecimal digits.
    """
    x_train, x_test = _canonical_features(flat_rows(arrays.x_train), flat_rows(arrays.x_test))
    y_train, y_test = arrays.y_train.astype("<i8"), arrays.y_test.astype("<i8")
    digest = hashlib.sha256()
    for part in (x_train, y_train, x_test, y_test):
        digest.update(f"{part.dtype.str} {part.shape}\n".encode())
        digest.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _column(labels: Array) -> Array:
    """Flattens (rows, 1) to (rows,); other shapes stay as they are."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _check(arrays: Arrays, place: str) -> None:
    problems = [
        *_feature_problems("x_train", arrays.x_train),
        *_feature_problems("x_test", arrays.x_test),
        *_label_problems("y_train", arrays.y_train),
        *_label_problems("y_test", arrays.y_test),
    ] or _mismatches(arrays)
    if problems:
        raise DataError([Fault(f"{place}: {name}", problem) for name, problem in problems])


def _feature_problems(name: str, x: Array) -> list[tuple[str, str]]:
    if x.dtype.kind not in "uif":
        return [(name, f"values of type {x.dtype}; allowed: integers and floats")]
    if x.ndim < 2 or x.size == 0:
        return [(name, f"shape {x.shape}; allowed: (rows, features), at least one of each")]
    if x.dtype.kind == "f" and (bad := x.size - int(np.count_nonzero(np.isfinite(x)))):
        return [(name, f"{bad} values are NaN or infinite; allowed: finite numbers")]
    return []


def _label_problems(name: str, y: Array) -> list[tuple[str, str]]:
    if y.dtype.kind not in "ui":
        return [(name, f"labels of type {y.dtype}; allowed: integers from 0")]
    if y.ndim != 1 or y.size == 0:
        return [(name, f"shape {y.shape}; allowed: (rows,), one label a row, at least one row")]
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= MAX_CLASSES:
        return [(name, f"labels {low} to {high}; allowed: 0 to n - 1 for n classes, n at most {MAX_CLASSES}")]
    return []


def _mismatches(arrays: Arrays) -> list[tuple[str, str]]:
    """Yields what is wrong between arrays that are each all right."""
    problems = []
    for part in ("train", "test"):
        rows, labels = len(getattr(arrays, f"x_{part}")), len(getattr(arrays, f"y_{part}"))
        if rows != labels:
            problems.append((f"y_{part}", f"{labels} labels; allowed: {rows}, one for each row of x_{part}"))
    width, test_width = (flat_rows(x).shape[1] for x in (arrays.x_train, arrays.x_test))
    if width != test_width:
        problems.append(("x_test", f"{test_width} features a row; allowed: {width}, as in x_train"))
    highest, test_highest = int(arrays.y_train.max()), int(arrays.y_test.max())
    if test_highest > highest:
        problems.append(("y_test", f"label {test_highest}; allowed: 0 to {highest}, the labels of y_train"))
    return problems


def _canonical_features(x_train: Array, x_test: Array) -> tuple[Array, Array]:
    for divisor in _BYTE_DIVISORS:
        train = _as_bytes(x_train, divisor)
        test = None if train is None else _as_bytes(x_test, divisor)
        if train is not None and test is not None:
            return train, test
    return x_train.astype("<f8"), x_test.astype("<f8")


def _as_bytes(x: Array, divisor: int) -> Array | None:
    """Returns the bytes k for which ``x`` is exactly k / divisor in its own type, if there are any."""
    kind = x.dtype.type if x.dtype.kind == "f" else np.float64
    quotients = np.arange(256, dtype=kind) / kind(divisor)
    codes = np.empty(x.shape, np.uint8)
    # In blocks, because the products of a whole data set take several times its memory.
    for start in range(0, len(x), _BLOCK_ROWS):
        block = x[start : start + _BLOCK_ROWS]
        with np.errstate(over="ignore"):
            rounded = np.clip(np.rint(block * kind(divisor)), 0, 255).astype(np.uint8)
        if not np.array_equal(quotients[rounded], block):
            return None
        codes[start : start + _BLOCK_ROWS] = rounded
    return codes
