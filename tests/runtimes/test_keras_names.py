"""What Keras calls a metric in each runtime; the environment is that of `test_tensorflow_1`."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tensorflow_1 import run_program

HPTUNE = Path(sys.executable).with_name("hptune")
TRAINER = """
import argparse, os
import numpy as np
{keras}
parser = argparse.ArgumentParser()
parser.add_argument("--job-dir")
parser.add_argument("--lr", type=float)
args = parser.parse_args()
x = np.random.RandomState(0).normal(size=(64, 2)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
model = keras.models.Sequential([keras.layers.Dense(1, activation="sigmoid", input_shape=(2,))])
model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
board = keras.callbacks.TensorBoard(os.path.join(args.job_dir, "logs"))
model.fit(x, y, epochs=2, verbose=0, validation_data=(-x, 1 - y), callbacks=[board])
"""

pytestmark = pytest.mark.usefixtures("tensorflow_1")


@pytest.mark.parametrize(
    ("runtime", "keras", "tag", "written"),
    [
        ("tf1", "import keras", "val_acc", "epoch_val_acc"),
        ("keras2", "from tensorflow import keras", "val_acc", "epoch_accuracy"),
        ("keras2", "from tensorflow import keras", "epoch_acc", "epoch_accuracy"),
    ],
)
def test_a_metric_that_keras_had_another_name_for_is_found(tmp_path, runtime, keras, tag, written):
    (tmp_path / "task.py").write_text(TRAINER.format(keras=keras))
    params = [{"parameterName": "lr", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]
    job = {"hyperparameterMetricTag": tag, "goal": "MAXIMIZE", "maxTrials": 1, "params": params}
    (tmp_path / "hptune.yaml").write_text(yaml.safe_dump({"trainingInput": {"hyperparameters": job}}))
    command = shlex.split("run j --config hptune.yaml --module-name task --job-dir out --runtime")
    ended = subprocess.run(
        [HPTUNE, *command, runtime], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 0, ended.stderr
    kept = json.loads((tmp_path / "out" / "results.json").read_text())["trainingOutput"]["trials"]
    assert 0 <= kept[0]["finalMetric"]["objectiveValue"] <= 1
    text = " ".join(ended.stdout.split())
    assert f"{written} counted" in text


def test_a_trainer_that_imports_keras_first_has_what_it_had(tensorflow_1, tmp_path):
    ended = run_program(tensorflow_1, "keras_first_program.py", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "once": True,
        "session": True,
        "contrib": [True, True],
        "contrib_as_module": True,
        "inside": [True, True],
        "pickles": ["a\xb2", "a\xb2"],
        "steps": 3,
    }
