from __future__ import annotations

import gzip
import io
import os
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hptune.data.arrays import Arrays, content_sha256, flat_rows, read_arrays, write_arrays
from hptune.data.mnist import KNOWN_SETS
from hptune.errors import DataError

MNIST = Path(os.environ.get("HPTUNE_TEST_MNIST", Path(__file__).parents[2].parent / "shared/data/mnist.npz"))
IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
Writer = Callable[[Path, Arrays], Path]


def small(rows: int = 12, test_rows: int = 4) -> Arrays:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (rows + test_rows, 2, 3), dtype=np.uint8)
    y = (np.arange(rows + test_rows) % 3).astype(np.uint8)
    return Arrays(x[:rows], y[:rows], x[rows:], y[rows:])


def as_npz(folder: Path, arrays: Arrays) -> Path:
    path = folder / "data.npz"
    np.savez_compressed(path, allow_pickle=False, **dict(arrays))
    return path


def pickled(arrays: Arrays, protocol: int) -> bytes:
    """The classic layout: float32 k/256 in flat rows, int64 labels, a sixth of the training rows apart."""
    x_train, x_test = (flat_rows(x).astype(np.float32) / 256 for x in (arrays.x_train, arrays.x_test))
    y_train, y_test = arrays.y_train.astype(np.int64), arrays.y_test.astype(np.int64)
    cut = len(x_train) - len(x_train) // 6
    parts = ((x_train[:cut], y_train[:cut]), (x_train[cut:], y_train[cut:]), (x_test, y_test))
    return pickle.dumps(parts, protocol)


def as_python2_pickle(folder: Path, arrays: Arrays) -> Path:
    """Protocol 2 as Python 2 and the numpy of its time wrote it: bytes as strings, numpy.core."""

    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<I", len(value)) + value

    def array(values: np.ndarray) -> bytes:
        dtype = values.dtype
        shape = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in values.shape) + b"t"
        made_dtype = b"cnumpy\ndtype\n(" + text(dtype.str[1:].encode()) + b"K\x00K\x01tR"
        state = b"(K\x03" + text(b"<") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
        start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
        return start + b"(K\x01" + shape + made_dtype + state + b"\x89" + text(values.tobytes()) + b"tb"

    pairs = pickle.loads(pickled(arrays, 5))
    body = b"".join(b"(" + array(x) + array(y) + b"t" for x, y in pairs)
    path = folder / "mnist_python2.pkl"
    path.write_bytes(b"\x80\x02(" + body + b"t.")
    return path


def as_pickle(protocol: int) -> Writer:
    def write(folder: Path, arrays: Arrays) -> Path:
        path = folder / "data.pkl"
        path.write_bytes(pickled(arrays, protocol))
        return path

    return write


def as_pickle_gz(folder: Path, arrays: Arrays) -> Path:
    path = folder / "data.pkl.gz"
    path.write_bytes(gzip.compress(pickled(arrays, 4), 1))
    return path


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def as_idx(folder: Path, arrays: Arrays) -> Path:
    for name, array in arrays:
        (folder / IDX_NAMES[name]).write_bytes(idx(array))
    (folder / "README").write_text("not data")
    return folder


def as_idx_gz(folder: Path, arrays: Arrays) -> Path:
    for name, array in arrays:
        (folder / f"{IDX_NAMES[name]}.gz").write_bytes(gzip.compress(idx(array), 1))
    return folder


def as_idx_zip(folder: Path, arrays: Arrays) -> Path:
    path = folder / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays:
            archive.writestr(f"MNIST/raw/{IDX_NAMES[name].replace('-idx', '.idx')}", idx(array))
    return path


CONTAINERS: dict[str, Writer] = {
    "npz": as_npz,
    **{f"pickle{protocol}": as_pickle(protocol) for protocol in range(6)},
    "python2": as_python2_pickle,
    "pickle_gz": as_pickle_gz,
    "idx": as_idx,
    "idx_gz": as_idx_gz,
    "idx_zip": as_idx_zip,
}


def read_faults(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_arrays(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_rows_in_their_order(tmp_path: Path, container: str) -> None:
    arrays = small()
    read = read_arrays(CONTAINERS[container](tmp_path, arrays))
    np.testing.assert_array_equal(read.y_train, arrays.y_train)
    np.testing.assert_array_equal(read.y_test, arrays.y_test)
    scale = 256 if read.x_train.dtype == np.float32 else 1
    np.testing.assert_array_equal(flat_rows(read.x_train) * scale, flat_rows(arrays.x_train))
    assert content_sha256(read) == content_sha256(arrays)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("divisor", [1, 255, 256])
def test_the_checksum_sees_the_bytes_behind_scaled_floats(dtype: type, divisor: int) -> None:
    every_byte = np.arange(256, dtype=np.uint8).reshape(8, 32)
    labels = np.arange(8) % 2
    original = Arrays(every_byte, labels, every_byte[:2], labels[:2])
    x = every_byte.astype(dtype) / dtype(divisor)
    assert content_sha256(Arrays(x, labels.astype(np.int8), x[:2], labels[:2])) == content_sha256(original)


def test_the_checksum_changes_with_a_value_a_label_an_order_or_a_part() -> None:
    base = small()
    digests = {content_sha256(base)}
    x, y = base.x_train.copy(), base.y_train.copy()
    x[0, 0, 0] ^= 1
    y[0] += 1
    off_grid = base.x_train.astype(np.float32) + np.float32(0.25)
    digests |= {
        content_sha256(Arrays(x, base.y_train, base.x_test, base.y_test)),
        content_sha256(Arrays(base.x_train, y, base.x_test, base.y_test)),
        content_sha256(Arrays(base.x_train[::-1], base.y_train[::-1], base.x_test, base.y_test)),
        content_sha256(Arrays(off_grid, base.y_train, base.x_test, base.y_test)),
        content_sha256(Arrays(base.x_test, base.y_test, base.x_train, base.y_train)),
    }
    assert len(digests) == 6


def test_what_is_written_is_read_back_and_always_the_same_bytes(tmp_path: Path) -> None:
    arrays = small()
    write_arrays(tmp_path / "a.npz", arrays)
    write_arrays(tmp_path / "b.npz", arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    for name, array in read_arrays(tmp_path / "a.npz"):
        np.testing.assert_array_equal(array, getattr(arrays, name))
        assert array.dtype == getattr(arrays, name).dtype
    with np.load(tmp_path / "a.npz", allow_pickle=False) as plain:
        assert sorted(plain.files) == ["x_test", "x_train", "y_test", "y_train"]


def test_what_could_not_be_read_is_not_written_over_an_old_file(tmp_path: Path) -> None:
    good = small()
    write_arrays(tmp_path / "a.npz", good)
    before = (tmp_path / "a.npz").read_bytes()
    with pytest.raises(DataError, match="NaN"):
        write_arrays(
            tmp_path / "a.npz", Arrays(np.full((12, 2), np.nan), good.y_train, good.x_test, good.y_test)
        )
    assert (tmp_path / "a.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_big_endian_and_column_labels_are_made_usual(tmp_path: Path) -> None:
    arrays = small()
    labels = arrays.y_train.astype(">i4").reshape(-1, 1)
    path = as_npz(tmp_path, Arrays(np.asfortranarray(arrays.x_train), labels, arrays.x_test, arrays.y_test))
    read = read_arrays(path)
    assert read.y_train.dtype == np.int32
    assert read.y_train.shape == (12,)
    np.testing.assert_array_equal(read.x_train, arrays.x_train)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("x_train", np.full((12, 6), np.inf), r"x_train: 72 values are NaN or infinite"),
        ("x_train", np.zeros(12), r"x_train: shape \(12,\); allowed: \(rows, features\)"),
        ("x_train", np.zeros((0, 6)), r"x_train: shape \(0, 6\)"),
        ("x_test", np.zeros((4, 5)), r"x_test: 5 features a row; allowed: 6"),
        ("x_train", np.zeros((12, 6), complex), r"x_train: values of type complex128"),
        ("x_train", np.full((12, 6), "a"), r"x_train: values of type <U1"),
        ("y_train", np.zeros(12), r"y_train: labels of type float64; allowed: integers"),
        ("y_train", np.arange(11), r"y_train: 11 labels; allowed: 12"),
        ("y_train", np.eye(12, dtype=int), r"y_train: shape \(12, 12\)"),
        ("y_train", np.full(12, -1), r"y_train: labels -1 to -1; allowed: 0 to n - 1"),
        ("y_train", np.full(12, 2**40), r"y_train: labels 1099511627776"),
        ("y_test", np.full(4, 7), r"y_test: label 7; allowed: 0 to 2"),
    ],
)
def test_arrays_that_do_not_go_together(tmp_path: Path, name: str, value: np.ndarray, problem: str) -> None:
    parts = dict(small()) | {name: value}
    np.savez(tmp_path / "data.npz", **parts)
    with pytest.raises(DataError, match=problem):
        read_arrays(tmp_path / "data.npz")


def test_several_faults_are_reported_together(tmp_path: Path) -> None:
    good = small()
    path = as_npz(tmp_path, Arrays(np.full((12, 6), np.nan), good.y_train * 1.0, good.x_test, good.y_test))
    with pytest.raises(DataError) as caught:
        read_arrays(path)
    assert [fault.place for fault in caught.value.faults] == [f"{path}: x_train", f"{path}: y_train"]


def test_an_npz_of_objects_is_refused_without_unpickling(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **(dict(small()) | {"x_train": np.array([Malicious(tmp_path)], object)}))
    assert "values of type object" in read_faults(tmp_path / "data.npz")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("text.npz", b"hello, this is not data", "allowed: an .npz"),
        ("empty.npz", b"", "allowed: an .npz"),
        ("page.npz", b"<html><body>404</body></html>", "allowed: an .npz"),
        (
            "none.pkl.gz",
            gzip.compress(pickle.dumps({"a": 1}), mtime=0),
            "operation EMPTY_DICT is not allowed",
        ),
        ("pair.pkl", pickle.dumps(((1, 2), (3, 4))), "not enough values"),
        ("ints.pkl", pickle.dumps(((1, 2), (3, 4), (5, 6))), "int where an array is expected"),
    ],
)
def test_files_of_no_known_format(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert problem in read_faults(tmp_path / name)


def test_missing_paths_and_missing_parts_are_named(tmp_path: Path) -> None:
    assert "no such file" in read_faults(tmp_path / "none.npz")
    assert "lacks the idx files of x_train, y_train, x_test, y_test" in read_faults(tmp_path)
    np.savez(tmp_path / "half.npz", x_train=np.zeros((2, 2)), y_train=np.zeros(2, int))
    assert "lacks x_test, y_test" in read_faults(tmp_path / "half.npz")


class Malicious:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder / "executed"),)


class SideDoor:
    """Calls through names that are allowed, with arguments that are not arrays."""

    def __reduce__(self) -> tuple[object, tuple[object, ...], object]:
        return np.dtype, ("f4",), {"__class__": "x", "__setstate__": "y"}


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_malicious_pickle_runs_nothing(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "evil.pkl"
    for protocol in range(6):
        path.write_bytes(compress(pickle.dumps((Malicious(tmp_path),) * 3, protocol)))
        assert "mkdir is not allowed in a pickle of arrays" in read_faults(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "attack",
    [
        b"cos\nsystem\n(S'touch executed'\ntR.",
        b"(S'touch executed'\nios\nsystem\n.",
        b"cnumpy\ndtype\n(S'f4'\ntR}S'__class__'\ncos\nsystem\nsb.",
        b"\x80\x02c__builtin__\neval\n(S'1'\ntR.",
        b"\x80\x02cnumpy\nload\n(S'x'\ntR.",
        b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.dumps\x93.",
        pickle.dumps((SideDoor(),) * 3),
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
    ],
)
def test_hand_made_pickles_are_refused_in_little_memory(tmp_path: Path, attack: bytes) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(attack)
    tracemalloc.start()
    read_faults(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 32 * 1024**2
    assert not Path("executed").exists()


def test_a_pickled_array_larger_than_its_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.pkl"
    path.write_bytes(pickled(small(), 3).replace(b"K\x0aK\x06\x86", b"K\xffK\xff\x86"))
    assert "bytes of values where shape (255, 255) of float32 takes 260100" in read_faults(path)


def test_decompression_bombs_stop_at_the_size_allowed(tmp_path: Path) -> None:
    zeros = bytes(30_000_000)
    (tmp_path / "bomb.pkl.gz").write_bytes(gzip.compress(zeros))
    (tmp_path / IDX_NAMES["x_train"]).with_suffix(".gz").write_bytes(gzip.compress(zeros))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in IDX_NAMES:
            archive.writestr(f"{name}.npy", zeros)
    for path in (tmp_path / "bomb.pkl.gz", tmp_path / "bomb.npz", tmp_path):
        with pytest.raises(DataError, match="larger than the 5000000 bytes allowed"):
            read_arrays(path, max_bytes=5_000_000)


def test_a_header_that_promises_terabytes_takes_no_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 8)}
    )
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        for name in IDX_NAMES:
            archive.writestr(f"{name}.npy", header.getvalue())
    assert "x_train: 0 bytes of values where shape (1099511627776, 8)" in read_faults(tmp_path / "huge.npz")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods_that_cannot_be_bounded_are_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w", method) as archive:
        for name in IDX_NAMES:
            archive.writestr(f"{name}.npy", b"x")
    assert f"compression method {method}; allowed: stored and deflated" in read_faults(tmp_path / "data.npz")


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@pytest.mark.parametrize("container", ["npz", "pickle0", "pickle2", "pickle5", "python2", "idx_zip"])
def test_damaged_bytes_give_a_data_error_or_the_data_and_nothing_else(tmp_path: Path, container: str) -> None:
    original = CONTAINERS[container](tmp_path, small())
    content = original.read_bytes()
    damaged = tmp_path / "damaged"
    generator = random.Random(container)
    refused = 0
    for _ in range(250):
        data = bytearray(content)
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        damaged.write_bytes(data[: generator.choice([len(data), generator.randrange(len(data))])])
        try:
            read_arrays(damaged)
        except DataError:
            refused += 1
    assert refused > 100


def test_damaged_idx_files_are_named(tmp_path: Path) -> None:
    as_idx(tmp_path, small())
    labels = tmp_path / IDX_NAMES["y_test"]
    content = labels.read_bytes()
    for cut in range(len(content)):
        labels.write_bytes(content[:cut])
        assert IDX_NAMES["y_test"] in read_faults(tmp_path)
    labels.write_bytes(b"\x00\x00\x0d" + content[3:])
    assert "starts with 00000d01; allowed: 000008" in read_faults(tmp_path)


@pytest.fixture(scope="module")
def mnist() -> Arrays:
    if not MNIST.exists():
        pytest.skip(f"no {MNIST}: HPTUNE_TEST_MNIST names MNIST as an .npz")
    return read_arrays(MNIST)


def test_mnist_is_known_by_its_content_in_the_npz_and_as_the_floats_of_the_classic_pickle(
    mnist: Arrays, tmp_path: Path
) -> None:
    assert np.bincount(mnist.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert content_sha256(mnist) == KNOWN_SETS["mnist"].sha256
    classic = read_arrays(as_pickle(4)(tmp_path, mnist))
    assert classic.x_train.dtype == np.float32
    assert content_sha256(classic) == KNOWN_SETS["mnist"].sha256


def test_decompression_bombs_are_refused_before_they_take_memory(tmp_path: Path) -> None:
    zeros = gzip.compress(bytes(2**20)) * 200
    (tmp_path / "bomb.pkl.gz").write_bytes(zeros)
    (tmp_path / "idx").mkdir()
    for name in IDX_NAMES.values():
        (tmp_path / "idx" / f"{name}.gz").write_bytes(zeros)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in IDX_NAMES:
            archive.writestr(f"{name}.npy", bytes(200 * 2**20) if name == "x_train" else b"")
    for name in ("bomb.pkl.gz", "bomb.npz", "idx"):
        tracemalloc.start()
        assert "decompresses to more than 100 times its" in read_faults(tmp_path / name)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 10 * 2**20
