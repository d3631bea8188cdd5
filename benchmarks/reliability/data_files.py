"""Forty data files of people who mean no good, or whose disk went wrong."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.hostile import PWNED, Content

_MB = 2**20
_NAMES = ("x_train", "y_train", "x_test", "y_test")
_IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


class _Bomb:
    """Leaves a file where somebody unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(PWNED),)


def _rows(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  (arrays)
    x = np.arange(160, dtype=np.uint8).reshape(40, 4)
    y = (np.arange(40) % 2).astype(np.uint8)
    return {"x_train": x, "y_train": y, "x_test": x, "y_test": y, **changes}


def _npz(**changes: Any) -> bytes:  # noqa: ANN401  (arrays)
    stream = io.BytesIO()
    np.savez(stream, **_rows(**changes))
    return stream.getvalue()


def _npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """Makes an .npy file of any header."""
    text = header.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def _with(name: str, member: bytes) -> bytes:
    """Makes an .npz of which one array is something else."""
    return _zip({**{f"{each}.npy": _member(array) for each, array in _rows().items()}, f"{name}.npy": member})


def _member(array: Any) -> bytes:  # noqa: ANN401  (an array)
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _idx(array: Any, mark: bytes = b"\0\0\x08") -> bytes:  # noqa: ANN401  (an array)
    return mark + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape) + bytes(array.tobytes())


def _idx_zip(**changes: bytes) -> bytes:
    members = {_IDX[name]: _idx(array) for name, array in _rows().items()}
    return _zip({**members, **{_IDX[name]: content for name, content in changes.items()}})


def _pickled(thing: Any, protocol: int = 4) -> bytes:  # noqa: ANN401  (anything)
    return pickle.dumps(thing, protocol)


def _pickle_of(*changes: Any) -> bytes:  # noqa: ANN401  (anything)
    rows = _rows()
    pair = rows["x_train"], rows["y_train"].astype(np.int64)
    return _pickled((*changes, *[pair] * (3 - len(changes))))


def _flipped(content: bytes) -> bytes:
    """Changes a byte of the first member's data."""
    at = content.index(b"NUMPY") + 150
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def _sized(content: bytes, size: int) -> bytes:
    """Has the directory of a zip say another size of each member."""
    directory = content.index(b"PK\x01\x02")
    parts = content[directory:].split(b"PK\x01\x02")
    parts = [p[:20] + struct.pack("<I", size) + p[24:] if len(p) > 24 else p for p in parts]
    return content[:directory] + b"PK\x01\x02".join(parts)


def _bomb() -> bytes:
    """Makes a data set with an array of 1 GB, nothing but zeros."""
    stream, names = io.BytesIO(), _NAMES[1:]
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(f"{name}.npy", _member(_rows()[name]))
        with archive.open("x_train.npy", "w") as file:
            file.write(_npy(_SHAPE.format("|u1", (2**18, 2**12))))
            for _ in range(2**30 // _MB):
                file.write(bytes(_MB))
    return stream.getvalue()


_GLOBAL = b'cbuiltins\neval\n(S\'open("pwned", "w")\'\ntR.'
_STACK_GLOBAL = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0btouch pwned\x85R."
_SHAPE = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"
_BIG = np.zeros((1000, 1000), np.uint8)

DATA_FILES: dict[str, Content] = {
    "nothing": b"",
    "text": b"x,y\n1,2\n" * 1000,
    "zeros": bytes(_MB),
    "an npz that is cut": _npz()[:-300],
    "an npz without its directory": _npz()[:-700],
    "an npz with a byte changed": _flipped(_npz()),
    "an npz that says 4 GB a member": _sized(_npz(), 2**32 - 2),
    "an npz that says nothing a member": _sized(_npz(), 0),
    "an npz without labels": _zip({"x_train.npy": _member(_rows()["x_train"])}),
    "an npz of paths": _zip({f"../../{name}.npy": b"x" for name in _NAMES}),
    "an npz of whole paths": _zip({f"/etc/{name}.npy": b"x" for name in _NAMES}),
    "an npz of Windows' paths": _zip({f"..\\..\\{name}.npy": b"x" for name in _NAMES}),
    "an npz with 60,000 members": _zip({f"m{i}": b"" for i in range(60_000)}),
    "an npz of bzip2": _zip({f"{n}.npy": _member(a) for n, a in _rows().items()}, zipfile.ZIP_BZIP2),
    "an npz of lzma": _zip({f"{n}.npy": _member(a) for n, a in _rows().items()}, zipfile.ZIP_LZMA),
    "an npz of objects": _npz(x_train=np.array([[_Bomb()]] * 40, dtype=object)),
    "an npz of text": _npz(y_train=np.array(["a"] * 40)),
    "an npz of times": _npz(y_train=np.zeros(40, "datetime64[s]")),
    "an npz of complex numbers": _npz(x_train=np.zeros((40, 4), complex)),
    "an npz of records": _npz(x_train=np.zeros((40, 4), [("a", "u1"), ("b", "f8")])),
    "an npz of NaN": _npz(x_train=np.full((40, 4), np.nan)),
    "an npz of labels below 0": _npz(y_train=np.full(40, -1)),
    "an npz of labels up to 2**63": _npz(y_train=np.full(40, 2**63 - 1)),
    "an npz of rows without labels": _npz(y_train=_rows()["y_train"][:7]),
    "an npz with a shape below 0": _with("x_train", _npy(_SHAPE.format("|u1", (-1, 4)), bytes(160))),
    "an npz with a shape of 2**60": _with("x_train", _npy(_SHAPE.format("<f8", (2**30, 2**30)), bytes(160))),
    "an npz whose header is code": _with("x_train", _npy("__import__('os').system('touch pwned')")),
    "an npz whose header is 1 MB deep": _with("x_train", _npy("(" * _MB, version=2)),
    "an npz of 1 GB in 1 MB": _bomb,
    "a zip of idx of another type": _idx_zip(x_train=_idx(_BIG, b"\0\0\x0d")),
    "a zip of idx that says 2**96 bytes": _idx_zip(x_train=b"\0\0\x08\x03" + b"\xff" * 12 + bytes(100)),
    "a zip of idx of 255 dimensions": _idx_zip(x_train=b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"x"),
    "a zip of idx that is cut": _idx_zip(x_train=_idx(_BIG)[:-1]),
    "a pickle that calls eval": _GLOBAL,
    "a pickle that calls os.system": _STACK_GLOBAL,
    "a pickle of an object": _pickled(_Bomb()),
    "a pickle of an object among arrays": _pickle_of((_Bomb(), _Bomb())),
    "a pickle of an object among arrays, gzipped": gzip.compress(_pickle_of((_Bomb(), _Bomb()))),
    "a pickle that is cut": _pickle_of()[:-100],
    "a pickle with a memo of 2**31": b"\x80\x04K\x01r\xff\xff\xff\x7f.",
    "a pickle that says 2**60 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"x.",
    "a pickle 1,000,000 deep": b"(" * 1_000_000 + b"t" * 1_000_000 + b".",
    "a gzip of 4 GB in 4 MB": lambda: gzip.compress(bytes(_MB)) * 4096,
    "a gzip that is cut": gzip.compress(_pickle_of())[:-20],
    "a gzip in a gzip": gzip.compress(gzip.compress(_pickle_of())),
}
"""What is in each, by what it is called."""
