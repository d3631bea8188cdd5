"""What real trainers write is measured right, and the same on this machine and in a pod."""

import sys

import pytest

from hptune.results.study import Measurement
from tests.cases.side_by_side import TRAINERS, followed, here_and_in_a_pod

LAST_WRITTEN = [
    ("hparams", 3, "accuracy was written in several directories, '"),
    ("folds", 11, "' and 4 more; the last written counted, of 'average'"),
    ("names-in-reverse", 0, "'; the last written counted, of 'a'"),
    ("late-flush", 1, "the last written counted, of 'a'"),
    ("scalars", 2, ""),
]


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Has a trainer write summaries in the way that is named; returns its objective and curve."""

    def write(how):
        script = TRAINERS / "with_tensorboardx.py"
        monkeypatch.setattr(sys, "argv", [str(script), "--how", how, "--pause-s", "0.2"])
        return followed(tmp_path, script, "accuracy")

    return write


EVALUATIONS = [
    "eval,train",
    "validation,.",
    "val,train",
    "tests/eval,tests/train",
    "test_hp/dev,test_hp/train",
    "accuracy_eval,accuracy_train",
    "lr0.1-eval,lr0.1-train",
    "fold1/holdout,fold1/fit",
    "train/cv,train/fit",
    "evaluation,eval/train",
    "ValidSet,TrainingSet",
    "a,train",
]


@pytest.mark.parametrize("how", EVALUATIONS)
def test_evaluation_is_told_from_training_whatever_was_written_first(measure, how):
    objective, curve = measure(how)
    # What was read of the training before is withdrawn.
    assert (objective.measurement, curve) == (Measurement(0.5, 1), pytest.approx([0.2, 0.5]))
    assert objective.note == ""


@pytest.mark.parametrize(("how", "step", "note"), LAST_WRITTEN)
def test_the_last_report_is_the_last_written(measure, how, step, note):
    objective, _ = measure(how)
    assert objective.measurement == Measurement(pytest.approx(0.5), step)
    assert note in objective.note


@pytest.mark.parametrize(
    ("how", "step", "curve"),
    [
        ("eval,train", 1, [0.2, 0.5]),
        ("validation,.", 1, [0.2, 0.5]),
        ("hparams", 3, [0, 0.1, 0.2, 0.5]),
        ("folds", 11, [*(0.5 + fold / 100 for fold in range(11)), 0.5]),
    ],
)
def test_summaries_are_read_alike_here_and_in_a_pod(tmp_path, how, step, curve):
    measured = here_and_in_a_pod(tmp_path, "with_tensorboardx", "accuracy", "--how", how)
    assert measured.outcome.final == Measurement(pytest.approx(0.5), step)
    assert measured.curve == pytest.approx(curve)


@pytest.mark.parametrize(
    ("how", "source", "curve"),
    [
        ("without-newline", "HYPERTUNE", [0.5]),
        ("joined", "HYPERTUNE", [0.1, 0.9, 0.5]),
        ("same-line-again", "HYPERTUNE", [0.5, 0.9, 0.5]),
        ("indented", "HYPERTUNE", [0.5]),
        ("anew", "HYPERTUNE", [0.1, 0.9, 0.5]),
        ("progress-bar", "STDOUT", [0.4, 0.5]),
        ("colours", "STDOUT", [0.5]),
        ("dictionary", "PRINTED_IN_PASSING", [0.4, 0.5]),
        ("passing-then-report", "STDOUT", [0.5]),
    ],
)
def test_metric_files_and_lines_are_read_as_programs_write_them(tmp_path, how, source, curve):
    measured = here_and_in_a_pod(tmp_path, "with_files", "accuracy", "--how", how)
    assert (measured.outcome.final.value, measured.outcome.source) == (0.5, source)
    assert measured.curve == curve


def test_all_reports_of_cloudml_hypertune_make_the_curve(tmp_path):
    measured = here_and_in_a_pod(tmp_path, "with_files", "accuracy", "--how", "cloudml-hypertune")
    assert measured.curve == [0.5 - 1 / (2 + step) for step in range(110)]


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """The trial of a Keras callback, which has written more than one objective."""
    return here_and_in_a_pod(tmp_path_factory.mktemp("keras"), "with_tensorflow", "epoch_acc")


def test_keras_callback_is_judged_by_its_validation(keras):
    (printed,) = [line for line in keras.log.splitlines() if line.startswith("validation ")]
    values = list(map(float, printed.split()[1:]))
    assert keras.outcome.final == Measurement(pytest.approx(values[-1], abs=1e-6), 3)
    assert keras.curve == pytest.approx(values, abs=1e-6)
    assert keras.outcome.source == "EVALUATION_SUMMARY"


@pytest.mark.parametrize("tag", ["epoch_acc", "loss", "training/hptuning/metric"])
def test_summaries_of_tensorflow_are_judged_by_their_evaluation(keras, tmp_path, tag):
    again = here_and_in_a_pod(tmp_path, "again", tag, "--written", str(keras.directory.output))
    assert again.outcome.source == "EVALUATION_SUMMARY"
    if tag == "epoch_acc":
        assert (again.outcome.final, again.curve) == (keras.outcome.final, keras.curve)
    else:
        assert (again.outcome.final, again.curve) == (Measurement(4.0, 2), [2.0, 3.0, 4.0])
