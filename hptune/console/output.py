"""Output that may break: a job outlives whoever reads what it prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

_DESCRIPTORS = {"stdin": 0, "stdout": 1, "stderr": 2}
_NAMES = {"stdout": "standard output", "stderr": "standard error"}
# Streams that whoever started this program had closed.
_closed: set[str] = set()


def open_closed_streams() -> None:
    """Opens standard streams that are closed on the null device.

    Else the next file that is opened has a standard stream's number, and gets what is printed.
    """
    for name, descriptor in _DESCRIPTORS.items():
        if getattr(sys, name) is not None:
            continue
        _closed.add(name)
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor and not _is_open(descriptor):
            os.dup2(null, descriptor)
            os.close(null)
            null = descriptor
        stream = os.fdopen(null, "r" if name == "stdin" else "w", encoding="utf-8")
        setattr(sys, name, stream)


@contextmanager
def outliving_readers() -> Iterator[None]:
    """Has standard output and error swallow, until the block ends, what cannot be written to them.

    That they do is told once, on the other one.
    """
    before = sys.stdout, sys.stderr
    out = _Tolerant(sys.stdout, lambda reason: _tell(sys.stderr, "stdout", reason))
    err = _Tolerant(sys.stderr, lambda reason: _tell(sys.stdout, "stderr", reason))
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        for name in _closed & _NAMES.keys():
            _tell(sys.stderr if name == "stdout" else sys.stdout, name, "it is closed")
        yield
        out.flush()
        err.flush()
    finally:
        sys.stdout, sys.stderr = before


def _tell(stream: TextIO, name: str, reason: str) -> None:
    stream.write(f"hptune: warning: {_NAMES[name]} cannot be written to ({reason}); the job goes on\n")
    stream.flush()


class _Tolerant:
    """A text stream whose writes do not fail."""

    def __init__(self, stream: TextIO, tell: Callable[[str], None]) -> None:
        self._stream = stream
        self._tell = tell
        self._broken = False

    def write(self, text: str) -> int:
        """Writes a text, if the stream still takes any."""
        if not self._broken:
            self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Hands on what was written, if the stream still takes any."""
        if not self._broken:
            self._try(self._stream.flush)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (of whatever type the stream has)
        # click would write past this stream to the one below.
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self._stream, name)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            self._broken = True
            # What is left in the stream's buffer would fail again when Python ends.
            with suppress(OSError, ValueError), Path(os.devnull).open("wb") as null:
                os.dup2(null.fileno(), self._stream.fileno())
            self._tell(error.strerror or str(error))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
