"""Step one: gets the data and writes it, checked, as the one .npz that all other steps read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from hptune.data.arrays import Arrays, content_sha256, read_arrays, write_arrays
from hptune.data.containers import IDX_FILES
from hptune.data.mnist import KNOWN_SETS, KnownSet
from hptune.errors import DataError, Fault, HptuneError, StorageError, UsageError
from hptune.retry import MIRROR
from hptune.storage.transfer import SCHEMES, Progress, fetch, is_remote, local_path, redacted


def download(
    source: str,
    output: Path,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    mirrors: Sequence[str] = (),
) -> str:
    """Gets a data set, checks it and writes it to ``output``.

    The content must have the checksum ``sha256`` where one is given. Without it, what is named as a data set
    of `KNOWN_SETS` must be that set: the source itself, and where the set says so any file or directory of
    its name apart from endings (NAME.npz, NAME.pkl.gz). Other names (my-NAME.npz, NAME-small.npz) promise
    nothing and are taken as they are.

    Nothing is fetched where ``output`` already holds content of the checksum that is required. Where none is,
    the data is fetched each time, since it may have changed.

    Args:
        source: A name of `KNOWN_SETS`, or the URI or path of a file in any format that `read_arrays`
            accepts; a directory where it is local.
        output: The .npz to write.
        sha256: `content_sha256` that the data must have.
        progress: Told how far each file's transfer is.
        mirrors: Where to look for a known set in place of its own mirrors.

    Returns:
        The content's checksum.

    Raises:
        UsageError: ``source`` names nothing that can be read, or ``sha256`` is not a checksum.
        DataError: The data is damaged, or not what it must be.
        StorageError: It could not be fetched or written.
    """
    expected = _required_sha256(source, sha256)
    if expected is not None and _content_of(output) == expected:
        return expected
    known = KNOWN_SETS.get(source)
    if known and known.load:
        arrays = known.load()
    elif known:
        arrays = _from_mirrors(known, mirrors or known.mirrors, output.parent, expected, progress)
    else:
        arrays = _from_uri(source, output.parent, progress)
    digest = _verified(arrays, expected, redacted(source))
    write_arrays(output, arrays)
    return digest


def _required_sha256(source: str, sha256: str | None) -> str | None:
    if sha256 is not None:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
            raise UsageError(Fault("sha256", f"{sha256!r} is not a checksum; allowed: 64 hexadecimal digits"))
        return sha256.lower()
    if source in KNOWN_SETS:
        return KNOWN_SETS[source].sha256
    path = urlsplit(redacted(source)).path if is_remote(source) else source
    stem = PurePosixPath(path).name.split(".")[0].lower()
    named = KNOWN_SETS.get(stem)
    return named.sha256 if named and named.claims_files else None


def _content_of(output: Path) -> str | None:
    """Computes the checksum of what ``output`` holds; None where it is to be replaced.

    It is, where it is missing or no data set.
    """
    try:
        return content_sha256(read_arrays(output))
    except DataError:
        return None


def _verified(arrays: Arrays, expected: str | None, place: str) -> str:
    digest = content_sha256(arrays)
    if expected is None or digest == expected:
        return digest
    problem = f"content has the checksum {digest}; allowed: {expected}"
    for known in KNOWN_SETS.values():
        if known.sha256 == expected:
            problem += f", which is {known.title} (give data that is meant to differ another name)"
    raise DataError(Fault(place, problem))


def _from_uri(source: str, scratch: Path, progress: Progress | None) -> Arrays:
    if not is_remote(source):
        path = local_path(source)
        if not path.exists():
            allowed = f"the names {' and '.join(sorted(KNOWN_SETS))}, and {SCHEMES}"
            raise UsageError(Fault(source, f"no such file; allowed: {allowed}"))
        return read_arrays(path)
    with _scratch(scratch) as folder:
        fetch(source, folder / "data", progress=progress)
        return read_arrays(folder / "data", place=redacted(source))


def _from_mirrors(
    known: KnownSet, mirrors: Sequence[str], scratch: Path, expected: str | None, progress: Progress | None
) -> Arrays:
    reasons = []
    for mirror in mirrors:
        try:
            arrays = _from_mirror(mirror, scratch, progress)
            _verified(arrays, expected, mirror)
            return arrays
        except HptuneError as error:
            reasons.append(str(error))
    raise StorageError("\n  ".join([f"{known.title} could not be had from any of its mirrors:", *reasons]))


def _from_mirror(mirror: str, scratch: Path, progress: Progress | None) -> Arrays:
    names = IDX_FILES if mirror.endswith("/") else ("",)
    with _scratch(scratch) as folder:
        for name in names:
            fetch(mirror + name, folder / (name or "data"), progress=progress, patience=MIRROR)
        return read_arrays(folder if mirror.endswith("/") else folder / "data", place=mirror)


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """Makes a directory beside the output, where there is room for data; it is removed afterwards."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix=".download-", dir=parent)
    except OSError as error:
        raise StorageError(f"{parent}: cannot be written: {error.strerror}") from error
    with folder as name:
        yield Path(name)
