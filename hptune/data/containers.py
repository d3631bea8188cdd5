"""Readers of the containers that image data comes in. None of them runs code that a file holds.

    .npz               x_train, y_train, x_test, y_test
    .pkl, .pkl.gz      ((x, y), (x, y), (x, y)): training, validation, test, pickled arrays
    directory, .zip    the four idx files, plain or .gz

A container is known by its first bytes, not by its name. Every fault is a ValueError that names the place
inside the container. No memory is taken because a header says so: the bytes must be there first.
"""

from __future__ import annotations

import gzip
import io
import math
import pickle
import pickletools
import re
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NAMES = ("x_train", "y_train", "x_test", "y_test")
ALLOWED = (
    "an .npz with x_train, y_train, x_test and y_test, a .pkl[.gz] of training, validation and test, "
    "or a directory or .zip with the four idx files"
)

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
"""The four idx files, as they are published."""

_CHUNK_BYTES = 1024**2
# What is made to exhaust the memory is compressed a thousandfold, images three- to thirtyfold.
_MOST_TIMES = 100
_NEVER_TOO_LARGE_BYTES = 64 * 1024**2
_IDX_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_IDX_UNSIGNED_BYTES = 8
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OSError,
    RuntimeError,
    SyntaxError,
    OverflowError,
    AttributeError,
    MemoryError,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
)
"""What zipfile, gzip, zlib, pickle and the parser of .npy headers raise for damaged bytes."""


def read_container(path: Path, max_bytes: int) -> dict[str, Array]:
    """Reads arrays by their names, as stored: shapes and values are not checked against each other.

    Args:
        path: A file or directory that exists.
        max_bytes: The most that the content may take, decompressed.

    Raises:
        ValueError: The content is damaged, too large or of an unknown format.
    """
    with _translated():
        if path.is_dir():
            return _read_idx(_directory_files(path), max_bytes)
        with path.open("rb") as stream:
            start = stream.read(4)
            stream.seek(0)
            if start == b"PK\x03\x04":
                return _read_zip(stream, max_bytes)
        file = _file(path)
        if start[:2] == b"\x1f\x8b":
            with _translated("gzip"):
                return _read_pickle(file.gunzipped.read(max_bytes))
        return _read_pickle(file.read(max_bytes))


@dataclass(frozen=True)
class _Stored:
    """What is stored in a file, or in a member of one.

    Attributes:
        open: Opens it, decompressed.
        size: The bytes that it takes as it is stored.
        compressed: Whether it may be more than these, opened.
    """

    open: Callable[[], AbstractContextManager[IO[bytes]]]
    size: int
    compressed: bool = False

    @property
    def gunzipped(self) -> _Stored:
        """The same, of which gzip takes another layer."""

        @contextmanager
        def gunzip() -> Iterator[IO[bytes]]:
            with self.open() as stream, gzip.GzipFile(fileobj=stream) as decompressed:
                yield cast(IO[bytes], decompressed)

        return _Stored(gunzip, self.size, compressed=True)

    def read(self, max_bytes: int) -> bytes:
        """Reads it whole.

        Raises:
            ValueError: It is larger than allowed, or so much larger than it is stored that it is no data.
        """
        if self.compressed:
            # Counted before anything is kept.
            most = min(max_bytes, max(_NEVER_TOO_LARGE_BYTES, _MOST_TIMES * self.size))
            if sum(map(len, self._chunks(most))) > most < max_bytes:
                raise ValueError(f"decompresses to more than {_MOST_TIMES} times its {self.size} bytes")
        chunks = [*self._chunks(max_bytes)]
        if sum(map(len, chunks)) > max_bytes:
            raise ValueError(f"larger than the {max_bytes} bytes allowed, decompressed")
        return b"".join(chunks)

    def _chunks(self, most: int) -> Iterator[bytes]:
        """Yields what there is, and no more once it is more than so many bytes."""
        size = 0
        with self.open() as stream:
            while size <= most and (chunk := stream.read(_CHUNK_BYTES)):
                size += len(chunk)
                yield chunk


def _file(path: Path) -> _Stored:
    return _Stored(partial(io.FileIO, path), path.stat().st_size)


def _directory_files(path: Path) -> dict[str, _Stored]:
    return {file.name: _file(file) for file in path.iterdir() if file.is_file()}


@contextmanager
def _translated(place: str = "") -> Iterator[None]:
    """Makes one ValueError, that names the place, of all that damaged bytes can raise."""
    try:
        yield
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{place}: {reason}" if place else reason) from error


def _as_array(
    raw: bytes | bytearray | memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], order: str
) -> Array:
    """Makes an array of ``shape`` over ``raw``, in this machine's byte order."""
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ValueError(f"values of type {dtype}; allowed: integers and floats of at most 8 bytes")
    expected = math.prod(shape) * dtype.itemsize
    if len(raw) != expected:
        raise ValueError(f"{len(raw)} bytes of values where shape {shape} of {dtype} takes {expected}")
    array = np.frombuffer(raw, dtype).reshape(shape, order="F" if order == "F" else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


# --- zip: npz or idx files ---


def _read_zip(stream: IO[bytes], max_bytes: int) -> dict[str, Array]:
    with zipfile.ZipFile(stream) as archive:
        members = {
            PurePosixPath(info.filename).name: info for info in archive.infolist() if not info.is_dir()
        }
        stored = {name: _member(archive, info) for name, info in members.items()}
        if any(_IDX_NAME.fullmatch(name) for name in members):
            return _read_idx(stored, max_bytes)
        return _read_npz(stored, max_bytes)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Stored:
    compressed = info.compress_type != zipfile.ZIP_STORED
    return _Stored(partial(_open_member, archive, info), info.compress_size, compressed)


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    # The other methods' decompressors cannot be told to stop after so many bytes.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"compression method {info.compress_type}; allowed: stored and deflated")
    return archive.open(info)


def _read_npz(files: Mapping[str, _Stored], max_bytes: int) -> dict[str, Array]:
    missing = [name for name in NAMES if f"{name}.npy" not in files]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    arrays = {}
    for name in NAMES:
        with _translated(name):
            data = files[f"{name}.npy"].read(max_bytes)
            arrays[name] = _parse_npy(data)
        max_bytes -= len(data)
    return arrays


def _parse_npy(data: bytes) -> Array:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"version {version} of the .npy format; allowed: 1.0 and 2.0")
    return _as_array(memoryview(data)[stream.tell() :], dtype, shape, "F" if fortran else "C")


# --- idx ---


def _read_idx(files: Mapping[str, _Stored], max_bytes: int) -> dict[str, Array]:
    """Reads the four files; where a file is there both plain and as .gz, the plain one counts."""
    arrays: dict[str, Array] = {}
    for name in sorted(files):
        match = _IDX_NAME.fullmatch(name)
        if match is None or (key := _idx_key(match)) in arrays:
            continue
        with _translated(name):
            data = (files[name].gunzipped if match[3] else files[name]).read(max_bytes)
            arrays[key] = _parse_idx(data)
        max_bytes -= len(data)
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        raise ValueError(f"lacks the idx files of {', '.join(missing)}")
    return arrays


def _idx_key(match: re.Match[str]) -> str:
    return f"{'x' if match[2] == 'images' else 'y'}_{'train' if match[1] == 'train' else 'test'}"


def _parse_idx(data: bytes) -> Array:
    if len(data) < 4 or data[:3] != bytes((0, 0, _IDX_UNSIGNED_BYTES)):
        raise ValueError(f"starts with {data[:4].hex()}; allowed: 000008, the mark of an idx file of bytes")
    ndim = data[3]
    shape = tuple(np.frombuffer(data, ">u4", ndim, offset=4).tolist())
    return _as_array(memoryview(data)[4 + 4 * ndim :], np.dtype(np.uint8), shape, "C")


# --- pickle ---

_OPCODES = frozenset(
    """
    PROTO FRAME STOP MARK PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    GLOBAL STACK_GLOBAL REDUCE BUILD EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4
    STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8
    SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8
    """.split()  # noqa: SIM905 - forty lines as a list
)
"""What the pickle of a tuple of arrays is made of, in protocols 0 to 5."""


class _Record:
    """A call that a pickle asks for, written down instead of being made."""

    def __init__(self, *args: object) -> None:
        self.args: tuple[Any, ...] = args
        self.state: Any = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Reconstructed(_Record):
    """numpy's _reconstruct(type, shape, code); state (version, shape, dtype, is_fortran, values)."""


class _FromBuffer(_Record):
    """numpy's _frombuffer(values, dtype, shape, order), which protocol 5 uses."""


class _Dtype(_Record):
    """numpy's dtype(code, align, copy); state (version, byte order, ...)."""


class _Encoded(_Record):
    """encode(text, "latin1"), which stands for bytes in protocols 0 to 2."""


_GLOBALS: dict[tuple[str, str], type[_Record]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Reconstructed,
    ("numpy._core.multiarray", "_reconstruct"): _Reconstructed,
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer,
    ("numpy._core.numeric", "_frombuffer"): _FromBuffer,
    ("numpy", "ndarray"): _Record,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Encoded,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Builds tuples, lists, numbers, strings and records; anything else is refused by name."""

    def find_class(self, module: str, name: str) -> type[_Record]:
        """Returns the record that stands for ``module.name``."""
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a pickle of arrays") from None


def _read_pickle(data: bytes) -> dict[str, Array]:
    with _translated("pickle"):
        _check_opcodes(data)
        # Python 2 wrote bytes as strings, and latin1 maps those to bytes one by one.
        loaded = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
        (x_train, y_train), (x_valid, y_valid), (x_test, y_test) = loaded
        return {
            "x_train": np.concatenate([_unpickled(x_train), _unpickled(x_valid)]),
            "y_train": np.concatenate([_unpickled(y_train), _unpickled(y_valid)]),
            "x_test": _unpickled(x_test),
            "y_test": _unpickled(y_test),
        }


def _check_opcodes(data: bytes) -> None:
    """Refuses what arrays do not need, and memo places and lengths made to exhaust the memory."""
    for opcode, argument, position in pickletools.genops(data):
        if opcode.name not in _OPCODES:
            raise ValueError(f"operation {opcode.name} is not allowed in a pickle of arrays")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > (position or 0):
            raise ValueError(f"memo place {argument} at byte {position}")


def _unpickled(record: object) -> Array:
    if isinstance(record, _Reconstructed):
        _, shape, dtype, fortran, raw = record.state
        order = "F" if fortran else "C"
    elif isinstance(record, _FromBuffer):
        raw, dtype, shape, order = record.args
    else:
        raise ValueError(f"{type(record).__name__} where an array is expected")
    return _as_array(_unpickled_bytes(raw), _unpickled_dtype(dtype), tuple(map(int, shape)), order)


def _unpickled_bytes(raw: object) -> bytes | bytearray:
    if isinstance(raw, _Encoded):
        raw = raw.args[0]
    if isinstance(raw, str):
        return raw.encode("latin1")
    if isinstance(raw, bytes | bytearray):
        return raw
    raise ValueError(f"{type(raw).__name__} where an array's values are expected")


def _unpickled_dtype(record: object) -> np.dtype[Any]:
    code = record.args[0] if isinstance(record, _Dtype) else record
    if not isinstance(record, _Dtype) or not re.fullmatch(r"[uif][1248]", str(code)):
        raise ValueError(f"values of type {code!r}; allowed: integers and floats of at most 8 bytes")
    byte_order = record.state[1] if record.state else "="
    return np.dtype(f"{byte_order}{code}")
