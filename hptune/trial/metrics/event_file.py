"""Reads scalars out of TensorBoard event files while a trainer writes them.

TensorBoard's own loader imports all of TensorFlow where it is installed - seconds and hundreds of megabytes
in each trial's supervisor - and its checksums and tensors import NumPy, so the record framing, which is
four fields, is read here and only the protocol buffers are TensorBoard's.

A record: length (8 bytes, little endian), masked CRC-32C of it (4), data, masked CRC-32C of the data (4).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_INT32, DT_INT64

_HEADER_BYTES = 12
_FOOTER_BYTES = 4
# A scalar's record is tens of bytes: a longer one holds an image or a graph.
_LONGEST_SCALAR_BYTES = 64 * 1024
_SCALARS_AT_A_TIME = 10_000
_CRC32C_POLYNOMIAL = 0x82F63B78  # bits reversed
_CRC32C_MASK = 0xA282EAD8
# How a scalar of each type lies in a tensor: as bytes, or in a field of its own.
_TENSOR_FORMATS = {DT_FLOAT: "<f", DT_DOUBLE: "<d", DT_INT32: "<i", DT_INT64: "<q"}
_TENSOR_FIELDS = {DT_FLOAT: "float_val", DT_DOUBLE: "double_val", DT_INT32: "int_val", DT_INT64: "int64_val"}


@dataclass(frozen=True)
class Scalar:
    """One value of one summary tag, and when it was written."""

    tag: str
    value: float
    step: int
    wall_time_s: float


class EventFile:
    """One event file, read from where the last read ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._damaged = False

    def read_new(self) -> Iterator[Scalar]:
        """Yields the scalars of the whole records written since the last call.

        A record that is not complete yet is left for the next call, and one with damaged data is passed over.
        After a damaged length nothing more is read: where the next record begins is not known.
        """
        while scalars := self._read_some():
            yield from scalars

    def _read_some(self) -> list[Scalar]:
        """Reads the next scalars, a bounded number; the file is not held open, for there may be thousands."""
        scalars: list[Scalar] = []
        if self._damaged or not self._has_grown():
            return scalars
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(self._offset)
            while len(scalars) < _SCALARS_AT_A_TIME:
                header = file.read(_HEADER_BYTES)
                if len(header) < _HEADER_BYTES:
                    break
                length, checksum = struct.unpack("<QI", header)
                if masked_crc32c(header[:8]) != checksum:
                    self._damaged = True
                    break
                end = self._offset + _HEADER_BYTES + length + _FOOTER_BYTES
                if end > size:
                    break
                if length <= _LONGEST_SCALAR_BYTES:
                    scalars += _scalars(file.read(length), file.read(_FOOTER_BYTES))
                self._offset = file.seek(end)
        return scalars

    def _has_grown(self) -> bool:
        try:
            return self._path.stat().st_size > self._offset
        except OSError:
            # Moved away, as directories of checkpoints are.
            return False


def _scalars(data: bytes, footer: bytes) -> Iterator[Scalar]:
    if masked_crc32c(data) != int.from_bytes(footer, "little"):
        return
    try:
        event = Event.FromString(data)
    except DecodeError:
        return
    for value in event.summary.value:
        number = _number(value)
        if number is not None:
            yield Scalar(value.tag, number, event.step, event.wall_time)


def _number(value: Summary.Value) -> float | None:
    """Reads the scalar in TensorFlow 1's ``simple_value`` or a TensorFlow 2 tensor; None for all else."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    # Plugins mark text, images and histograms; a scalar has its own or, written by hand, none.
    if kind != "tensor" or value.metadata.plugin_data.plugin_name not in ("", "scalars"):
        return None
    return _scalar_of(value.tensor)


def _scalar_of(tensor: TensorProto) -> float | None:
    if tensor.tensor_shape.dim or tensor.dtype not in _TENSOR_FORMATS:
        return None
    form = _TENSOR_FORMATS[tensor.dtype]
    if len(tensor.tensor_content) == struct.calcsize(form):
        return float(struct.unpack(form, tensor.tensor_content)[0])
    values = getattr(tensor, _TENSOR_FIELDS[tensor.dtype])
    return float(values[0]) if len(values) == 1 else None


def _crc32c_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_CRC32C_POLYNOMIAL if byte & 1 else 0)
    return byte


_CRC32C_TABLE = tuple(map(_crc32c_of_byte, range(256)))


def masked_crc32c(data: bytes) -> int:
    """Computes the CRC-32C of ``data``, rotated and offset as in event files: a CRC of a CRC is weak."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC32C_TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + _CRC32C_MASK & 0xFFFFFFFF
