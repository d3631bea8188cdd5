"""Step one: gets the data and writes it, checked, as the one .npz that all other steps read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from hptune.data.arrays import Arrays, content_sha256, read_arrays, write_arrays
from hptune.data.mnist import IDX_FILES, KNOWN_SHA256, MNIST_MIRRORS, load_digits
from hptune.errors import DataError, Fault, HptuneError, StorageError, UsageError
from hptune.retry import MIRROR
from hptune.storage.transfer import SCHEMES, Progress, fetch, is_remote, local_path, redacted


def download(
    source: str,
    output: Path,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    mirrors: Sequence[str] = MNIST_MIRRORS,
) -> str:
    """Gets a data set, checks it and writes it to ``output``.

    The content must have the checksum ``sha256`` where one is given. Without it, what calls itself MNIST must
    be MNIST: the source ``mnist``, and any file or directory named ``mnist`` apart from its endings
    (mnist.npz, mnist.pkl.gz). Other names (fashion-mnist.npz, mnist-small.npz) promise nothing and are taken
    as they are.

    Nothing is fetched where ``output`` already holds content of the checksum that is required. Where none is,
    the data is fetched each time, since it may have changed.

    Args:
        source: ``digits`` (from scikit-learn, no network), ``mnist`` (from public mirrors), or the URI or
            path of a file in any format that ``datasets.read_arrays`` accepts; a directory where it is local.
        output: The .npz to write.
        sha256: ``datasets.content_sha256`` that the data must have.
        progress: Told how far each file's transfer is.
        mirrors: Where to look for ``mnist``.

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
    if source == "digits":
        arrays = load_digits()
    elif source == "mnist":
        arrays = _from_mirrors(mirrors, output.parent, expected, progress)
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
    if source in KNOWN_SHA256:
        return KNOWN_SHA256[source]
    path = urlsplit(redacted(source)).path if is_remote(source) else source
    stem = PurePosixPath(path).name.split(".")[0].lower()
    return KNOWN_SHA256["mnist"] if stem == "mnist" else None


def _content_of(output: Path) -> str | None:
    """Checksum of what ``output`` holds; None where it is missing or no data set, and so to be replaced."""
    try:
        return content_sha256(read_arrays(output))
    except DataError:
        return None


def _verified(arrays: Arrays, expected: str | None, place: str) -> str:
    digest = content_sha256(arrays)
    if expected is None or digest == expected:
        return digest
    problem = f"content has the checksum {digest}; allowed: {expected}"
    if expected == KNOWN_SHA256["mnist"]:
        problem += ", which is MNIST (give data that is meant to differ another name)"
    raise DataError(Fault(place, problem))


def _from_uri(source: str, scratch: Path, progress: Progress | None) -> Arrays:
    if not is_remote(source):
        path = local_path(source)
        if not path.exists():
            allowed = f"the names {' and '.join(sorted(KNOWN_SHA256))}, and {SCHEMES}"
            raise UsageError(Fault(source, f"no such file; allowed: {allowed}"))
        return read_arrays(path)
    with _scratch(scratch) as folder:
        fetch(source, folder / "data", progress=progress)
        return read_arrays(folder / "data", place=redacted(source))


def _from_mirrors(
    mirrors: Sequence[str], scratch: Path, expected: str | None, progress: Progress | None
) -> Arrays:
    reasons = []
    for mirror in mirrors:
        try:
            arrays = _from_mirror(mirror, scratch, progress)
            _verified(arrays, expected, mirror)
            return arrays
        except HptuneError as error:
            reasons.append(str(error))
    raise StorageError("MNIST could not be had from any of its mirrors:\n  " + "\n  ".join(reasons))


def _from_mirror(mirror: str, scratch: Path, progress: Progress | None) -> Arrays:
    names = IDX_FILES if mirror.endswith("/") else ("",)
    with _scratch(scratch) as folder:
        for name in names:
            fetch(mirror + name, folder / (name or "data"), progress=progress, patience=MIRROR)
        return read_arrays(folder if mirror.endswith("/") else folder / "data", place=mirror)


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """A directory beside the output, where there is room for data, that is gone afterwards."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix=".download-", dir=parent)
    except OSError as error:
        raise StorageError(f"{parent}: cannot be written: {error.strerror}") from error
    with folder as name:
        yield Path(name)
