"""Reads scalars out of TensorBoard event files while a trainer writes them.

TensorBoard's own loader imports all of TensorFlow where it is installed - seconds and hundreds of megabytes
in each trial's supervisor - so the record framing, which is four fields, is read here and only the protocol
buffers are TensorBoard's.

A record: length (8 bytes, little endian), masked CRC-32C of it (4), data, masked CRC-32C of the data (4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.util.tensor_util import make_ndarray

_HEADER_BYTES = 12
_FOOTER_BYTES = 4
# A scalar's record is tens of bytes: a longer one holds an image or a graph.
_LONGEST_SCALAR_BYTES = 64 * 1024


@dataclass(frozen=True)
class Scalar:
    """One value of one summary tag."""

    tag: str
    value: float
    step: int


class EventFile:
    """One event file, read from where the last read ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._damaged = False

    def read_new(self) -> Iterator[Scalar]:
        """Yields the scalars of the whole records written since the last call.

        A record that is not complete yet is left for the next call. After a damaged one nothing more is read:
        where the next begins is not known.
        """
        if self._damaged or self._path.stat().st_size <= self._offset:
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while (header := file.read(_HEADER_BYTES)) and len(header) == _HEADER_BYTES:
                length, checksum = struct.unpack("<QI", header)
                if masked_crc32c(header[:8]) != checksum:
                    self._damaged = True
                    return
                data = file.read(length) if self._holds(length) else b""
                if len(data) < length:
                    return
                self._offset += _HEADER_BYTES + length + _FOOTER_BYTES
                file.seek(self._offset)
                if length <= _LONGEST_SCALAR_BYTES:
                    yield from _scalars(data)

    def _holds(self, length: int) -> bool:
        end = self._offset + _HEADER_BYTES + length + _FOOTER_BYTES
        return end <= self._path.stat().st_size


def _scalars(data: bytes) -> Iterator[Scalar]:
    try:
        event = Event.FromString(data)
    except DecodeError:
        return
    for value in event.summary.value:
        number = _number(value)
        if number is not None:
            yield Scalar(value.tag, number, event.step)


def _number(value: Summary.Value) -> float | None:
    """The scalar in a TensorFlow 1 ``simple_value`` or a TensorFlow 2 tensor; None for anything else."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or value.tensor.tensor_shape.dim or not _numeric(value):
        return None
    return float(make_ndarray(value.tensor))


def _numeric(value: Summary.Value) -> bool:
    # Plugins mark text, images and histograms; a scalar has its own or, written by hand, none.
    plugin = value.metadata.plugin_data.plugin_name
    strings = 7  # DT_STRING of TensorFlow's types.proto
    return plugin in ("", "scalars") and value.tensor.dtype != strings
