"""Files in archives of Python packages: wheels and source distributions."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

MAX_FILES = 500
MAX_BYTES = 2_000_000
"""What is read at the most, files and bytes of each: an archive may say more of itself than it is."""


def read_members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yields names and contents of files in an archive, zip or tar; of one that cannot be read none.

    Args:
        archive: The archive.
        wanted: Whether a file is, by its name.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                yield from _zipped(file, wanted)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                yield from _tarred(tar, wanted)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, RuntimeError):
        # pip says what is wrong with it, when it installs it.
        return


def _zipped(file: zipfile.ZipFile, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for entry in islice((each for each in file.infolist() if wanted(each.filename)), MAX_FILES):
        with file.open(entry) as stream:
            yield entry.filename, stream.read(MAX_BYTES)


def _tarred(tar: tarfile.TarFile, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for member in islice((each for each in tar if each.isfile() and wanted(each.name)), MAX_FILES):
        content = tar.extractfile(member)
        yield member.name, content.read(MAX_BYTES) if content else b""
