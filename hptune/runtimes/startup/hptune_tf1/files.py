"""Files as Python 2 had them: between bytes and text there was no difference."""

from __future__ import annotations

import functools
import importlib
import io
import pickle
from typing import Any


def be_lenient() -> None:
    """Lets a file opened as text be read and written as bytes, where what is in it is not text.

    Trainers opened pickles with mode 'r' and 'w', which made no difference before Python 3.
    """
    kind = importlib.import_module("tensorflow.python.lib.io.file_io").FileIO
    decode, write = kind._prepare_value, kind.write

    def prepare(self: Any, value: Any) -> Any:
        try:
            return decode(self, value)
        except UnicodeDecodeError:
            # And so is the rest of it.
            self._binary_mode = True
            return value

    def write_any(self: Any, content: Any) -> Any:
        return write(self, bytes(content) if isinstance(content, (memoryview, bytearray)) else content)

    kind._prepare_value = prepare
    kind.write = write_any


def read_pickles_of_python_2() -> None:
    """Has pickles that hold Python 2's strings, as those of its NumPy arrays do, read without an encoding."""
    load, loads = pickle.load, pickle.loads

    @functools.wraps(load)
    def load_any(file: Any, **options: Any) -> Any:
        try:
            start = file.tell()
        except (AttributeError, OSError):
            return load(file, **options)
        try:
            return load(file, **options)
        except UnicodeDecodeError:
            if "encoding" in options:
                raise
            file.seek(start)
            return load(file, encoding="latin1", **options)

    @functools.wraps(loads)
    def loads_any(data: Any, /, **options: Any) -> Any:
        try:
            return loads(data, **options)
        except UnicodeDecodeError:
            return load_any(io.BytesIO(data), **options)

    pickle.load, pickle.loads = load_any, loads_any
