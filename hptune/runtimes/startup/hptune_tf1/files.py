"""TensorFlow's files, as lenient between bytes and text as Python 2 was."""

from __future__ import annotations

import importlib
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
