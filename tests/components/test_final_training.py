"""The train step as KFP runs it: what it leaves for KFP's page."""

import os
import signal
from datetime import UTC, datetime

import numpy as np
import pytest
from kfp import dsl

from components.train.component import train
from hptune.data.arrays import Arrays, write_arrays
from hptune.results.status_file import save_status
from hptune.results.study import Goal, JobState, JobStatus, Measurement, Study, Trial, TrialState

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
tf = pytest.importorskip("tensorflow")

# Stands for a training: the model lies in the package.
TRAINER = """
import pathlib, shutil, sys
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
shutil.copytree(pathlib.Path(__file__).with_name("model"), pathlib.Path(args["--job-dir"]) / "export")
print(f"score={args['--x']}")
"""
TRAINING_INPUT = {
    "hyperparameters": {
        "hyperparameterMetricTag": "score",
        "params": [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}],
    }
}


@pytest.fixture
def trainer(tmp_path):
    package = tmp_path / "src" / "tiny_final_training"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "task.py").write_text(TRAINER)
    module = tf.Module()
    rows = tf.TensorSpec([None, 3], tf.float32, name="rows")
    module.f = tf.function(lambda rows: {"scores": rows * 2.0}, input_signature=[rows])
    tf.saved_model.save(module, str(package / "model"), signatures=module.f)
    return package


@pytest.fixture
def run(tmp_path, trainer):
    """Runs the step; returns its metrics, as KFP's page gets them."""
    handler = signal.getsignal(signal.SIGTERM)
    # The true classes are 0, 1, 2 and 1; the model says 0, 1, 2 and 2.
    x = np.eye(3, dtype=np.uint8)[[0, 1, 2, 2]] * 255
    write_arrays(tmp_path / "data.npz", Arrays(x, np.array([0, 1, 2, 2]), x, np.array([0, 1, 2, 1])))
    trial = Trial(1, {"x": 0.75}, TrialState.SUCCEEDED, final=Measurement(0.5, 1))
    study = Study("job", "score", Goal.MAXIMIZE, 1, (trial,))
    now = datetime.now(UTC)
    save_status(tmp_path / "study", JobStatus(JobState.SUCCEEDED, study, TRAINING_INPUT, "", now, now))

    def run():
        inputs = dsl.Dataset(uri=str(tmp_path / "data.npz")), dsl.Artifact(uri=str(tmp_path / "study"))
        metrics, classification = dsl.Metrics(), dsl.ClassificationMetrics()
        outputs = dsl.Model(uri=str(tmp_path / "model")), metrics, classification
        package = {"module_name": f"{trainer.name}.task", "package_path": str(trainer)}
        train.python_func(*inputs, *outputs, **package, data_flag="")
        return metrics.metadata, classification.metadata

    yield run
    signal.signal(signal.SIGTERM, handler)


def test_the_objective_and_the_confusion_matrix_are_shown(run):
    metrics, classification = run()
    assert metrics == {"score": 0.75}
    matrix = classification["confusionMatrix"]
    assert [each["displayName"] for each in matrix["annotationSpecs"]] == ["0", "1", "2"]
    assert [each["row"] for each in matrix["rows"]] == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


def test_without_a_model_that_predicts_classes_there_is_no_matrix_and_the_step_succeeds(run, trainer, capfd):
    for path in sorted((trainer / "model").rglob("*.pb")):
        path.unlink()
    metrics, classification = run()
    assert metrics == {"score": 0.75}
    assert "confusionMatrix" not in classification
    assert "no confusion matrix: the trainer left no SavedModel" in capfd.readouterr().out
