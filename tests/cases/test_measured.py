"""What real trainers write is measured right, and the same on this machine and in a pod."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hptune.job.submission import Program
from hptune.results.study import Measurement
from hptune.storage.job_dir import JobDir
from hptune.trial.metrics.curve import read_curve
from hptune.trial.metrics.reader import MetricReader
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TRIAL_FORM, Pod, TrialSpec

TRAINERS = Path(__file__).parent / "trainers"
PATIENCE_S = 120


@dataclass
class Measured:
    outcome: Outcome
    curve: list[float]


def start(root, trainer, how, metric, *, pod):
    """Starts a trial's process; returns it with what finds its result."""
    directory = JobDir(root).trial(1)
    collected = root / "collected.jsonl"
    spec = TrialSpec(
        trial_id="1",
        job_id="job",
        metric=metric,
        program=Program(command=(sys.executable, "-u", str(TRAINERS / f"{trainer}.py"))),
        directory=directory,
        user_args=("--how", how),
        pod=Pod(collector_file=collected) if pod else None,
    )
    environment = {**os.environ, "HPTUNE_TRIAL": TRIAL_FORM.text(spec), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-P", "-m", "hptune.trial"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def end():
        log = process.communicate(timeout=PATIENCE_S)[0].decode()
        assert process.returncode == 0, log
        curve = [each.value for each in read_curve(directory.measurements)]
        if pod:
            lines = [json.loads(line) for line in collected.read_text().splitlines()]
            curve = [
                float(line[metric]) for line in sorted(lines, key=lambda line: line.get("timestamp", ""))
                if metric in line
            ]  # fmt: skip
        return Measured(Outcome.load(directory.outcome), curve)

    return end


def here_and_in_a_pod(tmp_path, trainer, how, metric="accuracy"):
    ends = [start(tmp_path / str(pod), trainer, how, metric, pod=pod) for pod in (False, True)]
    here, in_pod = [end() for end in ends]
    assert (here.outcome.final, here.curve) == (in_pod.outcome.final, in_pod.curve)
    assert (here.outcome.source, here.outcome.message) == (in_pod.outcome.source, "")
    return here


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
def test_evaluation_is_told_from_training_whatever_was_written_first(tmp_path, how):
    measured = here_and_in_a_pod(tmp_path, "with_tensorboardx", how)
    assert measured.outcome.final == Measurement(0.5, 1)
    # What was read of the training before is withdrawn.
    assert measured.curve == pytest.approx([0.2, 0.5])
    assert measured.outcome.note == ""


@pytest.mark.parametrize(
    ("how", "step", "note"),
    [
        ("hparams", 3, "accuracy was written in several directories, '.', '"),
        ("folds", 11, "fold_7' and 4 more; the last written counted, of 'average'"),
        ("names-in-reverse", 0, "'z', 'y', 'x', 'a'; the last written counted, of 'a'"),
        ("late-flush", 1, "the last written counted, of 'a'"),
        ("scalars", 2, ""),
    ],
)
def test_the_last_report_is_the_last_written(tmp_path, how, step, note):
    outcome = here_and_in_a_pod(tmp_path, "with_tensorboardx", how).outcome
    assert (outcome.final.value, outcome.final.step) == (pytest.approx(0.5), step)
    assert note in outcome.note


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
    measured = here_and_in_a_pod(tmp_path, "with_files", how)
    assert (measured.outcome.final.value, measured.outcome.source) == (0.5, source)
    assert measured.curve == curve


def test_all_reports_of_cloudml_hypertune_make_the_curve(tmp_path):
    measured = here_and_in_a_pod(tmp_path, "with_files", "cloudml-hypertune")
    assert measured.curve == [0.5 - 1 / (2 + step) for step in range(120)]


def test_keras_and_tensorflow_are_judged_by_their_evaluations(tmp_path):
    tags = ("epoch_acc", "loss", "training/hptuning/metric")
    readers = {
        tag: MetricReader(tag, summaries=tmp_path, metric_file=tmp_path / "no such file") for tag in tags
    }
    command = [sys.executable, TRAINERS / "with_tensorflow.py", "--job-dir", tmp_path]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    values = [float(word) for word in result.stdout.splitlines()[-1].split()[1:]]
    for reader in readers.values():
        reader.finish()
    measured = {tag: reader.objective.measurement for tag, reader in readers.items()}
    assert measured["epoch_acc"] == Measurement(pytest.approx(values[-1], abs=1e-6), 3)
    assert measured["loss"] == measured["training/hptuning/metric"] == Measurement(4.0, 2)
