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


def test_keras_2_is_told():
    assert "--runtime keras2" in hint("ModuleNotFoundError: No module named 'keras.utils.np_utils'")


@pytest.mark.parametrize(
    "source",
    [
        "print 'x'",
        "try: pass\nexcept KeyError, ValueError: pass",
        "import urllib2",
        "{}.iteritems()",
        "{}.has_key(1)",
        "xrange(1)",
        "unicode('x')",
    ],
)
def test_python_2_is_told_of_what_python_3_says(source):
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False).stderr
    assert hint(said) == "this trainer is written for Python 2; --python PATH runs it with one"


@pytest.mark.parametrize(
    "line",
    [
        "AttributeError: module 'numpy' has no attribute 'float'.",
        "AttributeError: 'DataFrame' object has no attribute 'append'. Did you mean: '_append'?",
        "TypeError: read_csv() got an unexpected keyword argument 'delim_whitespace'",
        "TypeError: OneHotEncoder.__init__() got an unexpected keyword argument 'sparse'",
        "sklearn.utils._param_validation.InvalidParameterError: The 'loss' parameter of SGDClassifier must "
        "be a str among {'hinge', 'log_loss'}. Got 'log' instead.",
        "ImportError: cannot import name 'plot_roc_curve' from 'sklearn.metrics' (/x/metrics.py)",
        "AttributeError: 'OneHotEncoder' object has no attribute 'get_feature_names'",
    ],
)
def test_libraries_of_its_time_are_told(line):
    assert "--runtime keras2, which has pandas 1.5" in hint(
        f"Traceback (most recent call last):\n  File x\n{line}\n"
    )


@pytest.mark.parametrize(
    "line", ["ValueError: x", "", "AttributeError: module 'tensorflow' has no attribute 'fo'"]
)
def test_nothing_is_told_of_what_no_runtime_changes(line):
    assert hint(line) == ""


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("cv2", "add opencv-python-headless to requirements.txt, or to install_requires of setup.py, beside"),
        ("sklearn", "add scikit-learn to requirements.txt"),
        ("google.cloud.bigquery", "add google-cloud-bigquery to requirements.txt"),
        ("fire", "add fire to requirements.txt"),
        ("fire", "a module of your own belongs in the package"),
        ("tensorflow", "--runtime keras2 has TensorFlow 2.15"),
        ("tf_slim", "--runtime tf1 has it"),
    ],
)
def test_a_package_that_is_not_there_is_told_with_the_way_to_it(module, told):
    line = f"ModuleNotFoundError: No module named '{module}'"
    assert told in hint(f"Traceback (most recent call last):\n  File x\n{line}\n")


def test_python_2_says_it_in_its_own_way():
    assert "add PyYAML to requirements.txt" in hint("Traceback\nImportError: No module named yaml\n")


def test_where_hptune_installs_nothing_the_package_alone_is_told():
    line = "ModuleNotFoundError: No module named 'cv2'"
    assert hint(line, installs=False) == "install opencv-python-headless where this trainer runs"


def test_a_module_that_was_done_without_is_not_the_cause():
    caught = "ModuleNotFoundError: No module named 'cv2'\nTraceback (most recent call last):\nKeyError: 'x'"
    assert hint(caught) == ""


def test_a_module_of_a_package_that_is_there_is_not_installed_apart():
    assert hint("ModuleNotFoundError: No module named 'trainer.model'") == ""


@pytest.mark.parametrize("code", ["import tensorflow as tf; tf.placeholder", "import tensorflow.contrib"])
def test_what_todays_tensorflow_really_says_is_understood(code):
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert "--runtime tf1" in hint(said)
