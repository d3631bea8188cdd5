from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hptune.data.arrays import Arrays, read_arrays, write_arrays
from hptune.data.download import download
from hptune.data.split import Summary, preprocess
from hptune.errors import DataError, UsageError


def images(rows: int = 60, classes: int = 3, peak: int = 255) -> Arrays:
    """Rows that are all different, so that each can be found again; pixels 0..peak."""
    x = np.random.default_rng(1).integers(0, peak + 1, (rows + 10, 4, 5), dtype=np.uint8)
    x[0, 0, 0] = peak
    y = (np.arange(rows + 10) % classes).astype(np.uint8)
    return Arrays(x[:rows], y[:rows], x[rows:], y[rows:])


class Run:
    def __init__(self, folder: Path, arrays: Arrays, **arguments: float) -> None:
        write_arrays(folder / "source.npz", arrays)
        self.summary: Summary = preprocess(
            folder / "source.npz",
            tune_file=folder / "tune.npz",
            final_file=folder / "final.npz",
            **arguments,  # type: ignore[arg-type]
        )
        self.tune, self.final = read_arrays(folder / "tune.npz"), read_arrays(folder / "final.npz")


def rows(x: np.ndarray, y: np.ndarray) -> list[tuple[int, bytes]]:
    return [(int(label), row.tobytes()) for row, label in zip(x.reshape(len(x), -1), y, strict=True)]


def test_tuning_gets_a_split_of_the_training_part_and_the_final_training_all_of_it(tmp_path: Path) -> None:
    arrays = images()
    run = Run(tmp_path, arrays)
    training = rows(arrays.x_train, arrays.y_train)
    tune_train, validation = rows(run.tune.x_train, run.tune.y_train), rows(run.tune.x_test, run.tune.y_test)
    assert sorted(tune_train + validation) == sorted(training)
    assert tune_train == [row for row in training if row in set(tune_train)]
    assert rows(run.final.x_train, run.final.y_train) == training
    assert rows(run.final.x_test, run.final.y_test) == rows(arrays.x_test, arrays.y_test)
    assert not set(validation) & set(rows(arrays.x_test, arrays.y_test))
    assert run.summary == Summary(50, 10, 10, 20, 3, "uint8", 1.0)


def test_the_split_gives_each_class_its_share(tmp_path: Path) -> None:
    run = Run(tmp_path, images(rows=300), validation_fraction=0.2)
    assert np.bincount(run.tune.y_test).tolist() == [20, 20, 20]
    assert np.bincount(run.tune.y_train).tolist() == [80, 80, 80]


def test_equal_seeds_give_equal_files_and_others_another_split(tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        (tmp_path / name).mkdir()
        Run(tmp_path / name, images(), seed=seed)
        files.append([(tmp_path / name / file).read_bytes() for file in ("tune.npz", "final.npz")])
    assert files[0] == files[1]
    assert files[0][0] != files[2][0]
    assert files[0][1] == files[2][1]


def test_fraction_zero_is_the_original_protocol(tmp_path: Path) -> None:
    run = Run(tmp_path, images(), validation_fraction=0)
    assert (tmp_path / "tune.npz").read_bytes() == (tmp_path / "final.npz").read_bytes()
    assert len(run.tune.x_test) == 10
    assert (run.summary.train_rows, run.summary.validation_rows) == (60, 0)


def test_pixels_stay_bytes_in_flat_rows_with_int32_labels(tmp_path: Path) -> None:
    run = Run(tmp_path, images())
    for arrays in (run.tune, run.final):
        assert arrays.x_train.dtype == arrays.x_test.dtype == np.uint8
        assert arrays.y_train.dtype == arrays.y_test.dtype == np.int32
        assert arrays.x_train.shape[1:] == arrays.x_test.shape[1:] == (20,)


def test_digits_become_floats_from_0_to_1(tmp_path: Path) -> None:
    download("digits", tmp_path / "digits.npz")
    run = Run(tmp_path, read_arrays(tmp_path / "digits.npz"))
    assert run.final.x_train.dtype == np.float32
    assert (run.final.x_train.min(), run.final.x_train.max()) == (0, 1)
    assert set(np.unique(run.final.x_train * 16)) == set(range(17))
    assert run.summary == Summary(1001, 200, 596, 64, 10, "float32", 16.0)


def test_bytes_of_few_grey_levels_become_floats(tmp_path: Path) -> None:
    run = Run(tmp_path, images(peak=16))
    assert run.final.x_train.dtype == np.float32
    assert run.final.x_train.max() == 1
    assert run.summary.divisor == 16


@pytest.mark.parametrize(
    ("train", "test", "divisor"),
    [
        ([[0.0, 0.5], [1.0, 0.25]], [[0.5, 0.75]], 1.0),
        ([[0.0, 2.0], [4.0, 1.0]], [[8.0, 2.0]], 4.0),
        ([[-5.0, 2.0], [4.0, 1.0]], [[-10.0, 2.0]], 5.0),
        ([[-500, 200], [400, 100]], [[0, 250]], 500.0),
    ],
)
def test_the_scale_comes_from_the_training_part_alone(
    tmp_path: Path, train: list[list[float]], test: list[list[float]], divisor: float
) -> None:
    labels = np.array([0, 1])
    run = Run(tmp_path, Arrays(np.array(train), labels, np.array(test), labels[:1]), validation_fraction=0)
    np.testing.assert_allclose(run.final.x_train, np.array(train) / divisor, rtol=1e-6)
    np.testing.assert_allclose(run.final.x_test, np.array(test) / divisor, rtol=1e-6)
    assert run.summary.divisor == divisor


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"validation_fraction": 1.0}, r"validation_fraction: 1.0 is not allowed \(must be 0 <= f < 1\)"),
        ({"validation_fraction": -0.1}, "validation_fraction: -0.1 is not allowed"),
        ({"validation_fraction": float("nan")}, "validation_fraction: nan is not allowed"),
        ({"validation_fraction": 1e-6}, "leaves 60 rows for training and 0 for validation"),
        ({"validation_fraction": 0.99}, "leaves 1 rows for training and 59 for validation"),
        ({"seed": -1}, "seed: -1 is not allowed"),
    ],
)
def test_arguments_that_cannot_be_used(tmp_path: Path, arguments: dict[str, float], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Run(tmp_path, images(), **arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["source.npz"]


def test_all_wrong_arguments_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        preprocess(
            tmp_path, tune_file=tmp_path / "a", final_file=tmp_path / "a", validation_fraction=2, seed=-1
        )
    assert [fault.place for fault in caught.value.faults] == ["final_file", "validation_fraction", "seed"]


def test_a_class_with_a_single_row_is_named_and_splits_nothing(tmp_path: Path) -> None:
    arrays = images()
    labels = arrays.y_train.copy()
    labels[5] = 9
    lonely = Arrays(arrays.x_train, labels, arrays.x_test, arrays.y_test)
    with pytest.raises(UsageError, match=r"y_train has a single row of class 9.*allowed: 0"):
        Run(tmp_path, lonely)
    assert Run(tmp_path, lonely, validation_fraction=0).summary.classes == 10


def test_a_damaged_source_is_named(tmp_path: Path) -> None:
    (tmp_path / "source.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match=r"source\.npz"):
        preprocess(tmp_path / "source.npz", tune_file=tmp_path / "t.npz", final_file=tmp_path / "f.npz")
