"""Keras under the names that trainers of TensorFlow 1 import it by: keras, and tensorflow.python.keras."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

INSIDE = "tensorflow.python.keras"
"""Was tf.keras itself; today it is what TensorFlow keeps of an old copy, which tf.keras does not know."""
# TensorFlow's own layers call the rest of the copy.
_CHANGED = ("callbacks", "layers", "losses", "metrics", "models", "optimizers", "utils")
CHANGED = frozenset(f"{INSIDE}.{name}" for name in _CHANGED)
"""The modules of the copy whose public names are to be those of tf.keras."""
# tf_slim's layers are these, whose classes derive from the copy's.
_LAYERS = ("convolutional", "core", "pooling")
_BUILT_ON_THE_COPY = tuple(f"tensorflow.python.layers.{name}" for name in _LAYERS)
_OF_SESSIONS = ("clear_session", "get_session", "learning_phase", "set_learning_phase", "set_session")


def mend(of_v1: Any) -> None:
    """Makes both what they were, as far as they are loaded.

    Args:
        of_v1: ``tf.compat.v1.keras``.
    """
    keras = importlib.import_module("keras")
    for name in ("backend", "initializers", "layers", "losses", "metrics"):
        there = vars(getattr(keras, name))
        there.update(
            {each: value for each, value in _public(getattr(of_v1, name)).items() if each not in there}
        )
    # model_to_estimator asks for it.
    vars(of_v1.optimizers).setdefault("experimental", keras.optimizers.experimental)
    for name in _BUILT_ON_THE_COPY:
        importlib.import_module(name)
    for name in CHANGED & sys.modules.keys():
        change(sys.modules[name])
    inside = vars(importlib.import_module(INSIDE))
    inside.update({name: value for name, value in _public(of_v1).items() if isinstance(value, type)})
    backend = vars(importlib.import_module(f"{INSIDE}.backend"))
    backend.update({name: getattr(of_v1.backend, name) for name in _OF_SESSIONS})


def change(module: ModuleType) -> None:
    """Gives a module of the old copy the public names of tf.keras."""
    part = getattr(sys.modules["tensorflow"].keras, module.__name__.rpartition(".")[2])
    vars(module).update({name: value for name, value in _public(part).items() if callable(value)})


def module_of(name: str) -> str:
    """Returns the module of tf.keras that a module was which the old copy has no more; empty for others.

    What was in preprocessing.text is in a module of that name, what was in layers.core in layers.
    """
    if not name.startswith(f"{INSIDE}."):
        return ""
    keras: Any = sys.modules["tensorflow"].keras
    module = keras
    for part in name.removeprefix(f"{INSIDE}.").split("."):
        below = getattr(module, part, None)
        if not isinstance(below, ModuleType):
            break
        module = below
    return "" if module is keras else str(module.__name__)


def _public(module: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}
