"""Makes the module ``tensorflow`` the v1 API."""

from __future__ import annotations

import importlib
import os
import tempfile
from types import ModuleType
from typing import Any

from hptune_tf1 import internals, keras_modules
from hptune_tf1.files import be_lenient, read_pickles_of_python_2

VERSION = "1.15.5"
"""What ``tf.__version__`` says: trainers ask it which API they are given."""
UNCHANGED = "unchanged it runs where --python names a Python 3.7 with tensorflow==1.15"
"""The way out for a trainer that uses what is not given here."""


def make_v1(tensorflow: ModuleType) -> None:
    """Gives ``tensorflow`` the attributes of ``tf.compat.v1``, and switches v2 behaviour off.

    It stays the same module, so that ``from tensorflow.python...`` and what holds it already go on to work.

    Args:
        tensorflow: TensorFlow 2, loaded.
    """
    v1 = importlib.import_module("tensorflow.compat.v1")
    # A page of warnings for each Estimator would hide what the trainer prints.
    deprecation = importlib.import_module("tensorflow.python.util.deprecation")
    _set(deprecation, _PRINT_DEPRECATION_WARNINGS=False)
    wrapper = importlib.import_module("tensorflow.python.util.module_wrapper")
    _set(wrapper, _PER_MODULE_WARNING_LIMIT=0)
    v1.disable_v2_behavior()
    for name in dir(v1):
        if not name.startswith("__"):
            setattr(tensorflow, name, getattr(v1, name))
    # Of two folders with a module `keras`, the v1 API's is to be found first.
    tensorflow.__path__ = [*v1.__path__, *(path for path in tensorflow.__path__ if "_v2" not in path)]
    _set(tensorflow, __version__=VERSION, VERSION=VERSION)
    _set(tensorflow, contrib=importlib.import_module("tensorflow.contrib"))
    be_lenient()
    read_pickles_of_python_2()
    _mend_removed(tensorflow)
    internals.give_back(tensorflow)
    keras_modules.mend(v1.keras)
    _keep_models()


def _set(module: ModuleType, **values: object) -> None:
    for name, value in values.items():
        setattr(module, name, value)


def _mend_removed(tf: Any) -> None:
    """Gives back what later releases of TensorFlow 1 had and v1 of TensorFlow 2 lost."""
    tf.estimator.experimental.RNNClassifier = _not_there("tf.estimator.experimental.RNNClassifier")
    kept = importlib.import_module("hptune_tf1.contrib.saved_model")
    tf.keras.experimental.export_saved_model = kept.save_keras_model
    tf.keras.experimental.load_from_saved_model = kept.load_keras_model
    tf.saved_model.load = _load_of_either(tf.saved_model.load)
    tf.data.Dataset.output_types = property(tf.data.get_output_types)
    tf.data.Dataset.output_shapes = property(tf.data.get_output_shapes)
    tf.data.Dataset.output_classes = property(tf.data.get_output_classes)
    tf.data.Iterator.output_types = property(tf.data.get_output_types)
    tf.data.Iterator.output_shapes = property(tf.data.get_output_shapes)


def _load_of_either(of_v1: Any) -> Any:
    """Makes a ``tf.saved_model.load`` that is TensorFlow 2's for those who give it no session, as mlflow."""
    of_v2 = importlib.import_module("tensorflow.compat.v2").saved_model.load

    def load(*args: Any, **kwargs: Any) -> Any:
        if "sess" in kwargs or (args and not isinstance(args[0], (str, os.PathLike))):
            return of_v1(*args, **kwargs)
        return of_v2(*args, **kwargs)

    return load


def _not_there(name: str) -> Any:
    def refuse(*_: object, **__: object) -> None:
        raise AttributeError(f"{name} is not in TensorFlow 2.15, which runs this trainer; {UNCHANGED}")

    return refuse


def _keep_models() -> None:
    """Has an Estimator without a model_dir write to the trial's directory and not to a temporary one.

    Its summaries are found there. Each gets a directory of its own, new as a temporary one is: an Estimator
    goes on from the checkpoint that it finds.
    """
    directory = os.environ.get("HPTUNE_TRIAL_DIR")
    if not directory:
        return
    module = importlib.import_module("tensorflow_estimator.python.estimator.estimator")

    def mkdtemp(*_: object, **__: object) -> str:
        os.makedirs(directory, exist_ok=True)  # noqa: PTH103  (may be another program's path)
        return tempfile.mkdtemp(prefix="estimator-", dir=directory)

    # The one use that the module has for it is the directory of an Estimator without one.
    stand_in = ModuleType("tempfile")
    _set(stand_in, mkdtemp=mkdtemp)
    _set(module, tempfile=stand_in)
