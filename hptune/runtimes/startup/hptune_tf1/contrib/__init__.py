"""``tf.contrib``, as far as public trainers use it: thin layers over what TensorFlow 2.15 still has.

Every module below ``tensorflow.contrib`` is a `Namespace`, however deep its name: what stood in
``contrib.learn.python.learn.utils`` is asked of ``contrib.learn``. A name is looked for in the module of that
name here, then in what `SOURCES` says; what is in neither raises an error that says what stands for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from hptune_tf1.v1 import UNCHANGED

_PREFIX = "tensorflow.contrib"

SOURCES: dict[str, tuple[str, ...]] = {
    "cluster_resolver": ("tensorflow:distribute.cluster_resolver",),
    "compiler": ("tensorflow:xla.experimental",),
    "data": ("tensorflow:data.experimental", "tensorflow:data"),
    "deprecated": (),
    "distribute": ("tensorflow:distribute", "tensorflow:distribute.experimental"),
    "eager": ("tensorflow", "tensorflow.python.eager.context"),
    "estimator": ("tensorflow:estimator", "tensorflow:estimator.experimental"),
    "feature_column": ("tensorflow:feature_column", "tensorflow:keras.experimental"),
    "framework": ("tf_slim", "tensorflow:train", "tensorflow"),
    "image": ("tensorflow:image",),
    "keras": ("tensorflow:keras",),
    "layers": ("tf_slim", "tensorflow:layers", "tensorflow:feature_column"),
    "learn": ("tensorflow:estimator",),
    "lookup": ("tensorflow.python.ops.lookup_ops", "tensorflow:lookup", "tensorflow:lookup.experimental"),
    "losses": ("tf_slim.losses", "tensorflow:losses"),
    "metrics": ("tf_slim.metrics", "tensorflow:metrics"),
    "nn": ("tensorflow:nn",),
    "opt": ("tensorflow:train",),
    "quantize": (),
    "rnn": ("tensorflow:nn.rnn_cell", "tensorflow:nn"),
    "saved_model": ("tensorflow:saved_model",),
    "seq2seq": (),
    "signal": ("tensorflow:signal",),
    "slim": ("tf_slim",),
    "stateless": ("tensorflow:random",),
    "summary": ("tensorflow:compat.v2.summary",),
    "tensorboard": ("tensorboard.plugins",),
    "tpu": ("tensorflow:estimator.tpu", "tensorflow:tpu"),
    "training": (
        *("tf_slim.training", "tf_slim.training.training", "tf_slim.training.evaluation"),
        *("tensorflow:train", "tensorflow:data.experimental"),
    ),
    "util": ("tensorflow", "tensorflow.python.framework.tensor_util"),
}
"""Where what was in a module of contrib is today: a module, or attributes of one after a colon."""

STANDS_FOR = {
    "boosted_trees": "xgboost, or scikit-learn's HistGradientBoostingClassifier, stands for it",
    "crf": "the package tensorflow-addons has it (tfa.text)",
    "cudnn_rnn": "tf.keras.layers.LSTM and GRU stand for it; they use cuDNN where there is a GPU",
    "factorization": "tf.estimator.experimental.KMeans stands for KMeansClustering; WALS has no successor",
    "gan": "the package tensorflow-gan has it",
    "opt": "tf.train.AdamOptimizer and the package tensorflow-addons (tfa.optimizers) stand for it",
    "predictor": "tf.saved_model.load stands for it",
    "seq2seq": "the package tensorflow-addons has it (tfa.seq2seq)",
    "timeseries": "it has no successor",
    "tpu": "TPUs are not supported: hptune's trials run on CPUs and GPUs",
}
"""What a user can do about what is not here, a sentence for a module."""


class Namespace(ModuleType):
    """A module of ``tf.contrib``: every attribute is looked for when it is asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "Given by hptune in place of a module of tf.contrib.")
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _find(self.__name__, name)
        setattr(self, name, value)
        return value


def make_module(name: str) -> Namespace:
    """Makes the module of a name below, or the name of, ``tensorflow.contrib``.

    Raises:
        ModuleNotFoundError: There is nothing of that module here.
    """
    top = _top(name)
    if top and top not in SOURCES and not _own(top):
        raise ModuleNotFoundError(_message(name, top), name=name)
    return Namespace(name)


def _top(name: str) -> str:
    """Returns ``learn`` of ``tensorflow.contrib.learn.python.learn``."""
    return name.removeprefix(_PREFIX).strip(".").partition(".")[0]


def _own(top: str) -> ModuleType | None:
    """Returns the module of ours that has what a module of contrib had, if there is one."""
    name = f"{__name__}.{top}"
    return importlib.import_module(name) if find_spec(name) else None


def _find(module: str, name: str) -> Any:
    top = _top(module)
    if not top:
        try:
            return importlib.import_module(f"{_PREFIX}.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(str(error)) from None
    if name in _FOLDERS or name == top or name in _folders_of(top):
        return importlib.import_module(f"{module}.{name}")
    for place in (_own(top), *map(_resolve, SOURCES.get(top, ()))):
        if place is not None and (value := getattr(place, name, None)) is not None:
            return value
    if top in _INSIDE and (inside := _INSIDE[top](_folders(module, top), name)) is not None:
        return inside
    raise AttributeError(_message(f"{module}.{name}", top))


# Folders that many modules of contrib had.
_FOLDERS = frozenset(
    {
        *("python", "ops", "utils", "util", "training", "evaluation", "hparam", "kernel_tests"),
        *("saved_model", "variables"),
    }
)


def _folders_of(top: str) -> tuple[str, ...]:
    return getattr(_own(top), "FOLDERS", ())


def _folders(module: str, top: str) -> list[str]:
    return [part for part in module.removeprefix(_PREFIX).split(".") if part not in ("", "python", top)]


def _inside_slim(folders: list[str], name: str) -> Any:
    """Finds what is deep in slim, such as nets.inception_v3: tf_slim has its folders."""
    inside = ".".join(["tf_slim", *folders])
    try:
        return getattr(importlib.import_module(inside), name, None) or importlib.import_module(
            f"{inside}.{name}"
        )
    except ModuleNotFoundError:
        return None


def _inside_keras(folders: list[str], name: str) -> Any:
    """Finds what is in a module of Keras, such as layers.Dense."""
    try:
        return getattr(_resolve(f"tensorflow:{'.'.join(['keras', *folders])}"), name, None)
    except AttributeError:
        return None


_INSIDE: dict[str, Callable[[list[str], str], Any]] = {"keras": _inside_keras, "slim": _inside_slim}


def _resolve(source: str) -> Any:
    module, _, attributes = source.partition(":")
    value = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        value = getattr(value, attribute)
    return value


def _message(name: str, top: str) -> str:
    short = name.replace("tensorflow.", "tf.", 1)
    way_out = STANDS_FOR.get(top, "see TensorFlow's migration guide for what stands for it")
    return f"{short} is not in TensorFlow 2.15, which runs this trainer: {way_out}; {UNCHANGED}"
