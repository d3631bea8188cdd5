from __future__ import annotations

import http.server
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hptune.data.arrays import Arrays, content_sha256, read_arrays, write_arrays
from hptune.data.download import download
from hptune.data.mnist import KNOWN_SETS
from hptune.errors import DataError, StorageError, UsageError
from tests.serving import serving

MNIST = Path(os.environ.get("HPTUNE_TEST_MNIST", Path(__file__).parents[2].parent / "shared/data/mnist.npz"))
needs_mnist = pytest.mark.skipif(
    not MNIST.exists(), reason=f"no {MNIST}: HPTUNE_TEST_MNIST names MNIST as an .npz"
)


def small(offset: int = 0) -> Arrays:
    x = np.arange(48, dtype=np.uint8).reshape(12, 4) + np.uint8(offset)
    y = np.arange(12, dtype=np.int32) % 2
    return Arrays(x, y, x[:4], y[:4])


class Web:
    """A directory behind a real web server, and the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        web = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                web.asked.append(self.path)

            def log_error(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    folder = tmp_path / "web"
    folder.mkdir()
    running = Web(folder)
    with serving(running.http):
        yield running


def test_digits_come_without_network_in_a_known_stratified_split(tmp_path: Path) -> None:
    digest = download("digits", tmp_path / "data.npz")
    arrays = read_arrays(tmp_path / "data.npz")
    assert digest == KNOWN_SETS["digits"].sha256 == content_sha256(arrays)
    assert arrays.x_train.shape == (1201, 64)
    assert arrays.x_test.shape == (596, 64)
    assert (arrays.x_train.min(), arrays.x_train.max()) == (0, 16)
    shares = np.bincount(arrays.y_test) / np.bincount(np.concatenate([arrays.y_train, arrays.y_test]))
    assert np.all(np.abs(shares - 1 / 3) < 0.005)


def test_a_uri_is_fetched_with_progress_and_leaves_nothing_else_behind(web: Web, tmp_path: Path) -> None:
    write_arrays(web.folder / "some.npz", small())
    seen: list[tuple[int, int | None]] = []
    output = tmp_path / "out" / "data.npz"
    digest = download(f"{web.url}/some.npz", output, progress=lambda done, total: seen.append((done, total)))
    assert digest == content_sha256(small())
    size = (web.folder / "some.npz").stat().st_size
    assert seen[-1] == (size, size)
    assert [path.name for path in output.parent.iterdir()] == ["data.npz"]


def test_a_uri_is_fetched_again_unless_the_output_has_the_checksum_asked_for(
    web: Web, tmp_path: Path
) -> None:
    write_arrays(web.folder / "some.npz", small())
    output, uri = tmp_path / "data.npz", f"{web.url}/some.npz"
    digest = download(uri, output)
    assert download(uri, output, sha256=digest.upper()) == digest
    assert len(web.asked) == 1
    write_arrays(web.folder / "some.npz", small(offset=1))
    assert download(uri, output) != digest
    assert len(web.asked) == 2


def test_a_damaged_output_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(b"half a file")
    assert download("digits", tmp_path / "data.npz") == KNOWN_SETS["digits"].sha256
    assert len(read_arrays(tmp_path / "data.npz").x_train) == 1201


def test_a_wrong_checksum_is_refused_and_the_old_output_kept(tmp_path: Path) -> None:
    write_arrays(tmp_path / "source.npz", small())
    write_arrays(tmp_path / "data.npz", small(offset=1))
    before = (tmp_path / "data.npz").read_bytes()
    with pytest.raises(DataError, match=rf"checksum {content_sha256(small())}; allowed: {'0' * 64}"):
        download(str(tmp_path / "source.npz"), tmp_path / "data.npz", sha256="0" * 64)
    assert (tmp_path / "data.npz").read_bytes() == before


@pytest.mark.parametrize("name", ["mnist.npz", "MNIST.npz"])
def test_what_is_named_mnist_must_be_mnist(web: Web, tmp_path: Path, name: str) -> None:
    write_arrays(web.folder / name, small())
    for source in (str(web.folder / name), f"{web.url}/{name}?signature=secret"):
        with pytest.raises(
            DataError, match=r"which is MNIST \(give data that is meant to differ another name\)"
        ) as e:
            download(source, tmp_path / "data.npz")
        assert "secret" not in str(e.value)
    assert not (tmp_path / "data.npz").exists()


@pytest.mark.parametrize("name", ["fashion-mnist.npz", "mnist-small.npz", "data.npz"])
def test_other_names_promise_nothing(tmp_path: Path, name: str) -> None:
    write_arrays(tmp_path / name, small())
    assert download(str(tmp_path / name), tmp_path / "out.npz") == content_sha256(small())


@pytest.mark.parametrize(
    ("source", "sha256", "problem"),
    [
        ("mnits", None, r"mnits: no such file; allowed: the names digits and mnist, and gs://"),
        ("ftp://host/data.npz", None, "scheme 'ftp' is not known"),
        ("digits", "abc", "'abc' is not a checksum; allowed: 64 hexadecimal digits"),
    ],
)
def test_arguments_that_name_nothing(tmp_path: Path, source: str, sha256: str | None, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        download(source, tmp_path / "data.npz", sha256=sha256)


def test_a_fetched_page_that_is_no_data_names_the_address(web: Web, tmp_path: Path) -> None:
    (web.folder / "page.npz").write_text("<html>")
    with pytest.raises(DataError, match=rf"{web.url}/page.npz: .*allowed: an .npz"):
        download(f"{web.url}/page.npz", tmp_path / "data.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["web"]


def test_when_no_mirror_has_mnist_each_is_named_with_its_reason(web: Web, tmp_path: Path) -> None:
    write_arrays(web.folder / "wrong.npz", small())
    mirrors = (f"{web.url}/none.npz", f"{web.url}/wrong.npz", f"{web.url}/folder/")
    with pytest.raises(StorageError) as caught:
        download("mnist", tmp_path / "data.npz", mirrors=mirrors)
    first, *reasons = str(caught.value).splitlines()
    assert first.startswith("MNIST could not be had from any of its mirrors")
    assert [reason.split(": ")[0].strip() for reason in reasons] == [
        mirrors[0],
        mirrors[1],
        f"{mirrors[2]}train-images-idx3-ubyte.gz",
    ]
    assert "no such file" in reasons[0]
    assert "which is MNIST" in reasons[1]


@needs_mnist
def test_mnist_comes_from_the_first_mirror_that_has_it_and_only_once(web: Web, tmp_path: Path) -> None:
    write_arrays(web.folder / "wrong.npz", small())
    (web.folder / "right.npz").symlink_to(MNIST)
    mirrors = tuple(f"{web.url}/{name}.npz" for name in ("none", "wrong", "right", "unused"))
    output = tmp_path / "data.npz"
    for _ in range(2):
        assert download("mnist", output, mirrors=mirrors) == KNOWN_SETS["mnist"].sha256
    assert web.asked == ["/none.npz", "/wrong.npz", "/right.npz"]
    assert content_sha256(read_arrays(output)) == KNOWN_SETS["mnist"].sha256


@needs_mnist
def test_one_changed_pixel_of_mnist_is_noticed(tmp_path: Path) -> None:
    arrays = read_arrays(MNIST)
    x_test = arrays.x_test.copy()
    x_test[9999, 14, 14] ^= 1
    write_arrays(tmp_path / "mnist.npz", Arrays(arrays.x_train, arrays.y_train, x_test, arrays.y_test))
    with pytest.raises(DataError, match="which is MNIST"):
        download(str(tmp_path / "mnist.npz"), tmp_path / "data.npz")
