import subprocess
import sys

import pytest

from hptune.runtimes.hint import hint


@pytest.mark.parametrize(
    "line",
    [
        "AttributeError: module 'tensorflow' has no attribute 'placeholder'",
        "AttributeError: module 'tensorflow' has no attribute 'estimator'",
        "AttributeError: module 'tensorflow._api.v2.train' has no attribute 'AdamOptimizer'",
        "ModuleNotFoundError: No module named 'tensorflow.contrib'",
        "ModuleNotFoundError: No module named 'sklearn.externals'",
    ],
)
def test_tensorflow_1_is_told(line):
    assert hint(f"Traceback (most recent call last):\n  File x\n{line}\n") == (
        "this trainer uses TensorFlow 1; run it with --runtime tf1"
    )


def test_keras_2_and_python_2_are_told():
    assert "--runtime keras2" in hint("ModuleNotFoundError: No module named 'keras.utils.np_utils'")
    assert "--python PATH" in hint(
        "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?"
    )


@pytest.mark.parametrize(
    "line", ["ValueError: x", "", "AttributeError: module 'tensorflow' has no attribute 'fo'"]
)
def test_nothing_is_told_of_what_no_runtime_changes(line):
    assert hint(line) == ""


@pytest.mark.parametrize("code", ["import tensorflow as tf; tf.placeholder", "import tensorflow.contrib"])
def test_what_todays_tensorflow_really_says_is_understood(code):
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert "--runtime tf1" in hint(said)
