import gzip
import importlib
import io
import math
import pickle
import struct
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "mnist"
MNIST = REPOSITORY.parent / "shared" / "data" / "mnist.npz"
MODULE = "trainer.mnist_mlp_lr_numsteps"


@pytest.fixture(scope="module")
def trainer():
    with pytest.MonkeyPatch.context() as patch:
        # What the trainer itself sets for its own process; here it has to be undone.
        patch.setenv("TF_USE_LEGACY_KERAS", "1")
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module(MODULE)
    for name in [name for name in sys.modules if name.split(".")[0] == "trainer"]:
        del sys.modules[name]


def make_arrays(rows=64, shape=(4, 4), seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (rows, *shape), dtype=np.uint8)
    return images, (images.reshape(rows, -1)[:, 0] // 26).astype(np.int32)


def write_npz(path, **changed):
    x_train, y_train = make_arrays(64)
    x_test, y_test = make_arrays(32, seed=1)
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test} | changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def run_in_process(trainer, file, job_dir, *more):
    trainer.main([f"--train-file={file}", f"--job-dir={job_dir}", "--num-steps=6", "--lr=0.1", *more])


def run_as_process(*arguments):
    command = [sys.executable, "-m", MODULE, *map(str, arguments)]
    return subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=120, check=False)


def read_summaries(job_dir):
    events = EventAccumulator(str(job_dir / "eval")).Reload()
    return {
        tag: [(e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def reference_step(variables, accumulators, images, labels, lr):
    """One step of the summed loss and TensorFlow 1's Adagrad, in float64."""
    w1, b1, w2, b2 = variables
    hidden = np.maximum(images @ w1 + b1, 0)
    error = softmax(hidden @ w2 + b2) - np.eye(10)[labels]
    back = (error @ w2.T) * (hidden > 0)
    for i, gradient in enumerate((images.T @ back, back.sum(0), hidden.T @ error, error.sum(0))):
        accumulators[i] += gradient**2
        variables[i] -= lr * gradient / np.sqrt(accumulators[i])


def weights_of(model):
    return [v.numpy() for v in (model.hidden_kernel, model.hidden_bias, model.kernel, model.bias)]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-5), ("bfloat16", 1e-2)])
@pytest.mark.parametrize("compiled", [False, True])  # True is what runs on a GPU
def test_three_steps_follow_tensorflow_1s_adagrad_on_the_summed_loss(trainer, precision, tolerance, compiled):
    images, labels = make_arrays(64)
    part = trainer.Part((images.reshape(64, 16) / 255).astype(np.float32), labels.astype(np.int64))
    model = trainer.Classifier(16, 8, np.random.default_rng(3))
    expected = [w.astype(np.float64) for w in weights_of(model)]
    accumulators = [np.full(w.shape, 0.1) for w in expected]
    rows = np.arange(48).reshape(3, 16)
    trainer.make_train(model, part, lr=0.05, precision=precision, compiled=compiled)(rows)
    for batch in rows:
        reference_step(expected, accumulators, part.images[batch], part.labels[batch], lr=0.05)
    for weights, reference in zip(weights_of(model), expected, strict=True):
        assert weights.dtype == np.float32
        np.testing.assert_allclose(weights, reference, atol=tolerance)


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("fma avx512_bf16", "bfloat16"), ("amx_bf16 amx_tile", "bfloat16"), ("fma avx512f", "float32")],
)
def test_auto_is_bfloat16_where_a_stand_in_for_cpuinfo_names_its_units(
    trainer, tmp_path, monkeypatch, flags, precision
):
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"flags\t\t: fpu {flags} avx2\n", encoding="utf-8")
    monkeypatch.setattr(trainer, "CPU_INFO", cpu_info)
    assert trainer.fast_precision() == precision


def test_initial_kernels_are_glorot_uniform_and_biases_zero(trainer):
    kernel, bias, _, last_bias = weights_of(trainer.Classifier(300, 300, np.random.default_rng(0)))
    assert np.abs(kernel).max() == pytest.approx(0.1, rel=1e-3)
    assert kernel.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)
    assert not bias.any()
    assert not last_bias.any()


def test_loss_is_the_sum_over_the_rows(trainer):
    logits = np.random.default_rng(0).normal(size=(5, 10)).astype(np.float32)
    labels = np.array([0, 3, 9, 1, 1])
    expected = -np.log(softmax(logits)[np.arange(5), labels]).sum()
    assert float(trainer.summed_loss(logits, labels)) == pytest.approx(expected, rel=1e-5)


def test_epochs_are_shuffled_anew_into_full_batches(trainer):
    batches = list(islice(trainer.make_batches(10, 4, np.random.default_rng(0)), 4))
    first, second = np.concatenate(batches[:2]), np.concatenate(batches[2:])
    assert [len(batch) for batch in batches] == [4, 4, 4, 4]
    assert len(set(first)) == len(set(second)) == 8
    assert first.tolist() != second.tolist()


def test_fewer_rows_than_a_batch_make_a_batch_of_all_rows(trainer):
    (batch,) = islice(trainer.make_batches(5, 1024, np.random.default_rng(0)), 1)
    assert sorted(batch) == [0, 1, 2, 3, 4]


def test_a_seed_and_a_precision_have_one_result(trainer, tmp_path):
    file = write_npz(tmp_path / "data.npz")
    runs = {"a": (1, "bfloat16"), "b": (1, "bfloat16"), "c": (2, "bfloat16"), "d": (1, "float32")}
    for name, (seed, precision) in runs.items():
        options = (f"--seed={seed}", f"--precision={precision}", "--batch-size=16")
        run_in_process(trainer, file, tmp_path / name, *options)
    a, b, c, d = (read_summaries(tmp_path / name)["loss"] for name in runs)
    assert a == b
    assert a != c
    assert a != d


def test_every_evaluation_is_a_summary_and_a_line(trainer, tmp_path, capsys):
    run_in_process(trainer, write_npz(tmp_path / "data.npz"), tmp_path / "job", "--eval-interval=4")
    summaries = read_summaries(tmp_path / "job")
    assert set(summaries) == {"accuracy", "average_loss", "loss"}
    assert [step for step, _ in summaries["accuracy"]] == [4, 6]
    (_, accuracy), (_, average_loss), (_, loss) = (
        summaries[tag][-1] for tag in ("accuracy", "average_loss", "loss")
    )
    assert loss == pytest.approx(32 * average_loss, rel=1e-5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 4: accuracy 0.")
    assert lines[-2:] == [f"Test loss: {average_loss:.4f}", f"Test accuracy: {accuracy:.4f}"]


def test_saved_model_predicts_what_was_evaluated(trainer, tmp_path):
    file = write_npz(tmp_path / "data.npz")
    run_in_process(trainer, file, tmp_path / "job")
    predict = trainer.tf.saved_model.load(str(tmp_path / "job" / "model")).signatures["serving_default"]
    _, test = trainer.load(str(file))
    probabilities = predict(images=trainer.tf.constant(test.images))["probabilities"].numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    accuracy = np.mean(probabilities.argmax(axis=1) == test.labels)
    assert accuracy == pytest.approx(read_summaries(tmp_path / "job")["accuracy"][-1][1])


def test_diverged_training_stops_early_and_reports_nan(trainer, tmp_path, capsys):
    file = write_npz(tmp_path / "data.npz")
    run_in_process(trainer, file, tmp_path / "job", "--lr=1e30", "--eval-interval=3")
    ((step, accuracy),) = read_summaries(tmp_path / "job")["accuracy"]
    assert step == 3
    assert math.isnan(accuracy)
    assert capsys.readouterr().out.endswith("Test loss: nan\nTest accuracy: nan\n")
    assert not (tmp_path / "job" / "model").exists()


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 with numpy 1 wrote: bytes as plain strings, numpy's old module names."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_bytes(self, value):
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


def python2_dumps(value):
    buffer = io.BytesIO()
    Python2Pickler(buffer, 2).dump(value)
    return buffer.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")


DUMPS = {
    "python2": python2_dumps,
    "protocol0": lambda parts: pickle.dumps(parts, 0),
    "protocol5": lambda parts: pickle.dumps(parts, 5),
    "gzip": lambda parts: gzip.compress(python2_dumps(parts)),
}


@pytest.mark.parametrize("dumps", DUMPS.values(), ids=DUMPS.keys())
def test_classic_pickle_joins_train_and_valid(trainer, tmp_path, dumps):
    images, labels = make_arrays(50)
    images = (images.reshape(50, -1) / 255).astype(np.float32)
    parts = tuple((images[part], labels[part]) for part in (slice(0, 30), slice(30, 40), slice(40, 50)))
    file = tmp_path / "mnist.pkl"
    file.write_bytes(dumps(parts))
    train, test = trainer.load(str(file))
    np.testing.assert_array_equal(train.images, images[:40])
    np.testing.assert_array_equal(train.labels, labels[:40])
    np.testing.assert_array_equal(test.images, images[40:])
    np.testing.assert_array_equal(test.labels, labels[40:])


def test_bytes_are_scaled_and_floats_are_taken_as_they_are(trainer, tmp_path):
    floats = np.full((32, 16), 0.25, np.float32)
    train, test = trainer.load(str(write_npz(tmp_path / "data.npz", x_test=floats)))
    assert train.images.shape == (64, 16)
    assert 0.9 < train.images.max() <= 1
    assert (test.images == 0.25).all()


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def npz_bytes(**changed):
    buffer = io.BytesIO()
    write_npz(buffer, **changed)
    return buffer.getvalue()


BAD_FILES = {
    "empty": b"",
    "garbage": b"\x80\x04garbage",
    "text": b"5,0,0,0\n",
    "damaged gzip": gzip.compress(b"x" * 1000)[:-9],
    "damaged npz": npz_bytes()[:-100],
    "pickle of something else": pickle.dumps({"x_train": [1]}),
    "npz of pickles": npz_bytes(x_train=np.array([{}], dtype=object)),
    "key missing": npz_bytes(y_test=None),
    "too few labels": npz_bytes(y_train=np.zeros(3, np.int32)),
    "no rows": npz_bytes(x_test=np.zeros((0, 4, 4), np.uint8), y_test=np.zeros(0, np.int32)),
    "label 10": npz_bytes(y_test=np.full(32, 10)),
    "one-hot labels": npz_bytes(y_test=np.eye(32)),
    "images of another size": npz_bytes(x_test=np.zeros((32, 5, 5), np.uint8)),
    "images of int64": npz_bytes(x_test=np.zeros((32, 4, 4), np.int64)),
    "images with NaN": npz_bytes(x_test=np.full((32, 16), np.nan, np.float32)),
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_file_is_named_and_exits_2(trainer, tmp_path, capsys, content):
    file = tmp_path / "bad-data"
    file.write_bytes(content)
    with pytest.raises(SystemExit) as stop:
        run_in_process(trainer, file, tmp_path / "job")
    assert stop.value.code == 2
    assert f"error: {file}: not an npz or pickle of labelled images: " in capsys.readouterr().err


def test_malicious_pickle_is_refused_and_not_run(trainer, tmp_path, capsys):
    victim, file = tmp_path / "victim", tmp_path / "mnist.pkl"
    file.write_bytes(pickle.dumps(Malicious(victim)))
    with pytest.raises(SystemExit) as stop:
        run_in_process(trainer, file, tmp_path / "job")
    assert stop.value.code == 2
    assert "which is no part of an array" in capsys.readouterr().err
    assert not victim.exists()


BAD_ARGUMENTS = [
    ("--num-steps=0", "--num-steps: 0 is not allowed"),
    ("--num-steps=many", "--num-steps: invalid int value"),
    ("--num-steps=1.5", "--num-steps: invalid int value"),
    ("--lr=0", "--lr: 0 is not allowed"),
    ("--lr=-0.1", "--lr: -0.1 is not allowed"),
    ("--lr=nan", "--lr: nan is not allowed"),
    ("--lr=inf", "--lr: inf is not allowed"),
    ("--batch-size=0", "--batch-size: 0 is not allowed"),
    ("--hidden-units=-1", "--hidden-units: -1 is not allowed"),
    ("--eval-interval=0", "--eval-interval: 0 is not allowed"),
    ("--seed=-1", "--seed: -1 is not allowed"),
    ("--precision=float16", "--precision: invalid choice: 'float16'"),
    ("--learning-rate=0.1", "unrecognized arguments"),
]


@pytest.mark.parametrize(("argument", "message"), BAD_ARGUMENTS)
def test_bad_argument_is_named_and_exits_2(trainer, tmp_path, capsys, argument, message):
    with pytest.raises(SystemExit) as stop:
        run_in_process(trainer, write_npz(tmp_path / "data.npz"), tmp_path / "job", argument)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_job_dir_that_is_a_file_exits_2(trainer, tmp_path, capsys):
    file = write_npz(tmp_path / "data.npz")
    with pytest.raises(SystemExit) as stop:
        run_in_process(trainer, file, file)
    assert stop.value.code == 2
    assert str(file) in capsys.readouterr().err


def test_missing_file_ends_the_process_without_traceback(tmp_path):
    done = run_as_process(
        *("--train-file", tmp_path / "none.npz", "--job-dir", tmp_path / "job"),
        *("--num-steps", 5, "--lr", 0.1),
    )
    assert done.returncode == 2
    assert "none.npz" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not MNIST.exists(), reason=f"{MNIST} is not there")
def test_200_steps_at_lr_0_1_reach_the_reference_accuracy_on_mnist(tmp_path):
    arguments = ("--train-file", MNIST, "--job-dir", tmp_path, "--num-steps", 200, "--lr", 0.1)
    done = run_as_process(*arguments)
    assert done.returncode == 0, done.stderr
    assert 0.955 <= read_summaries(tmp_path)["accuracy"][-1][1] <= 0.972
