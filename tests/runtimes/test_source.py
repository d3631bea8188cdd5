import tarfile
import zipfile
from pathlib import Path

import pytest

from hptune.runtimes.source import inspect_source

EXAMPLE = Path(__file__).parents[2] / "examples" / "mnist" / "trainer"
ESTIMATOR_STYLE = Path(__file__).parents[1] / "trainers" / "estimator_style" / "trainer"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import tensorflow as tf\ntf.placeholder(tf.float32)", "tf.placeholder"),
        ("import tensorflow as tf\ntf.train.AdamOptimizer(0.1)", "tf.train.AdamOptimizer"),
        ("import tensorflow\ntensorflow.app.run()", "tf.app.run"),
        ("from tensorflow.contrib import layers", "tensorflow.contrib.layers"),
        ("import tensorflow.contrib.slim as slim", "tensorflow.contrib.slim"),
        ("import tensorflow.compat.v1 as tf\ntf.contrib.learn", "tf.contrib.learn"),
        ("import tensorflow as tf\ndef f():\n  tf.estimator.inputs.numpy_input_fn", "tf.estimator.inputs"),
    ],
)
def test_what_tensorflow_1_alone_has_is_seen(tmp_path, text, found):
    file = tmp_path / "task.py"
    file.write_text(text)
    assert inspect_source([file]).tf1 == f"{found} in task.py"


@pytest.mark.parametrize(
    "text",
    [
        "import tensorflow as tf\ntf.keras.Model; tf.io.gfile.exists; tf.nn.relu; tf.train.Checkpoint",
        "import tensorflow.compat.v1 as tf\ntf.placeholder; tf.Session",
        "class tf:\n  app = 1\ntf.app",
        "from tensorflow import keras\nkeras.layers.Dense",
        "import numpy as np\nnp.placeholder",
    ],
)
def test_what_tensorflow_2_has_too_is_not_taken_for_tensorflow_1(tmp_path, text):
    (tmp_path / "task.py").write_text(text)
    assert inspect_source([tmp_path]).tf1 == ""


def test_the_example_is_of_today_and_the_estimator_style_is_not():
    assert inspect_source([EXAMPLE]).tf1 == ""
    traits = inspect_source([ESTIMATOR_STYLE])
    assert traits.tf1.startswith("tensorflow.contrib")
    assert traits.imports == {"blobs", "numpy", "sklearn", "tensorflow"}


def test_a_source_in_archives_is_read(tmp_path):
    (tmp_path / "task.py").write_text("import tensorflow as tf\ntf.Session()")
    with zipfile.ZipFile(tmp_path / "t.whl", "w") as wheel:
        wheel.write(tmp_path / "task.py", "t/task.py")
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as sdist:
        sdist.add(tmp_path / "task.py", "t-1/t/task.py")
    assert inspect_source([tmp_path / "t.whl"]).tf1 == "tf.Session in t/task.py"
    assert inspect_source([tmp_path / "t.tar.gz"]).tf1 == "tf.Session in t-1/t/task.py"


def test_python_2_damaged_files_and_none_at_all_are_no_error(tmp_path):
    (tmp_path / "task.py").write_text("print 'x'")
    (tmp_path / "t.whl").write_bytes(b"PK\x03\x04 damaged")
    traits = inspect_source([tmp_path, tmp_path / "t.whl", tmp_path / "missing"])
    assert (traits.python2, traits.tf1, traits.files) == (f"{tmp_path.name}/task.py", "", 1)


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("import numpy as np\nnp.zeros(3, dtype=np.float)", "np.float"),
        ("import numpy\nnumpy.asscalar(x)", "numpy.asscalar"),
        ("pandas.read_csv(f, squeeze=True)", "read_csv(squeeze=...)"),
        ("OneHotEncoder(sparse=False)", "OneHotEncoder(sparse=...)"),
        ("linear_model.SGDClassifier(loss='log')", "SGDClassifier(loss='log')"),
        ("from sklearn.datasets import load_boston", "sklearn.datasets.load_boston"),
    ],
)
def test_what_libraries_have_no_more_is_seen(tmp_path, text, use):
    (tmp_path / "task.py").write_text(text)
    assert inspect_source([tmp_path / "task.py"]).moved == f"{use} in task.py"


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\nnp.float64(1), x.float",
        "SGDClassifier(loss='hinge')",
        "read_csv(f, sep=' ')",
        "f(sparse=1)",
    ],
)
def test_what_they_have_still_is_not(tmp_path, text):
    (tmp_path / "task.py").write_text(text)
    assert inspect_source([tmp_path / "task.py"]).moved == ""
