"""A trial's log: on this machine standard output is that file; a pod has one beside it.

A log that has grown too long is put aside, in place of the one that was put aside before, and goes on in a
new file. Its start is kept as well: that is where a trainer says what it was told to do.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from hptune.storage.atomic import replacing
from hptune.storage.foreign import make_way, read_regular
from hptune.storage.full_disk import naming
from hptune.storage.job_dir import TrialDir

PART_BYTES = 32 * 1024 * 1024
"""What a log holds before it is put aside: the last one or two of such parts are kept."""
FIRST_BYTES = 1024 * 1024
"""What is kept of the start of a log that was put aside."""
_MAX_MODE = 0o666


class TrialLog:
    """Writes what a trainer prints.

    Args:
        directory: The trial's; its log is put aside where that file is what is written to.
        output: Descriptor to write to; None for standard output, and standard error goes where that does.
    """

    def __init__(self, directory: TrialDir, output: int | None = None) -> None:
        self._directory = directory
        streams = (sys.stdout.fileno(), sys.stderr.fileno())
        self._output = streams[0] if output is None else output
        self._others = streams[1:] if output is None else ()
        self._is_own = _is_same(self._output, directory.log)
        self._size = os.fstat(self._output).st_size if self._is_own else 0

    def write(self, data: bytes) -> None:
        """Writes all of it.

        Raises:
            OSError: It cannot be written.
        """
        with naming(self._directory.log):
            while data:
                written = os.write(self._output, data)
                self._size += written
                data = data[written:]
            if self._is_own and self._size > PART_BYTES:
                self._put_aside()

    def _put_aside(self) -> None:
        directory = self._directory
        if directory.former_log.is_file() and not directory.first_log.exists():
            with replacing(directory.first_log) as temporary:
                temporary.write_bytes(read_regular(directory.former_log, FIRST_BYTES))
        make_way(directory.former_log)
        # Else the trainer has put something else in its place.
        if _is_same(self._output, directory.log):
            directory.log.replace(directory.former_log)
        make_way(directory.log)
        descriptor = os.open(directory.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MAX_MODE)
        for stream in (self._output, *self._others):
            os.dup2(descriptor, stream)
        os.close(descriptor)
        self._size = os.write(self._output, _notice(directory, self._size))


def _notice(directory: TrialDir, size: int) -> bytes:
    told = (
        f"hptune: the log was too long: the {size} bytes before this line are in {directory.former_log.name}"
    )
    if directory.first_log.exists():
        told += f", the first {FIRST_BYTES} of all in {directory.first_log.name}; the others are not kept"
    return f"{told}\n".encode()


def _is_same(descriptor: int, path: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False
