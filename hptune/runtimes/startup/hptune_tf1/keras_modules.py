"""Keras under the names that trainers of TensorFlow 1 import it by: keras, and tensorflow.python.keras."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

INSIDE = "tensorflow.python.keras"
"""Was tf.keras itself; today it is what TensorFlow keeps of an old copy, which tf.keras does not know."""
_PARTS = (
    *("activations", "applications", "backend", "callbacks", "constraints", "datasets", "initializers"),
    *("layers", "losses", "metrics", "models", "optimizers", "preprocessing", "regularizers", "utils"),
    *("estimator", "wrappers"),
)
# TensorFlow's own cells.
_KEPT = f"{INSIDE}.layers.legacy_rnn"


def mend(of_v1: Any) -> None:
    """Makes both what they were; TensorFlow has loaded what it needs of its copy.

    Args:
        of_v1: ``tf.compat.v1.keras``.
    """
    keras = importlib.import_module("keras")
    for name in ("backend", "initializers", "layers", "losses", "metrics"):
        there = vars(getattr(keras, name))
        there.update({each: value for each, value in vars(getattr(of_v1, name)).items() if each not in there})
    # model_to_estimator asks for it.
    vars(of_v1.optimizers).setdefault("experimental", keras.optimizers.experimental)
    for name in [*sys.modules]:
        if part_of(name) and not name.startswith(_KEPT):
            del sys.modules[name]
    inside = vars(importlib.import_module(INSIDE))
    inside.update({name: value for name, value in vars(of_v1).items() if not name.startswith("_")})


def part_of(name: str) -> str:
    """Returns the part of tf.keras that a module below tensorflow.python.keras was; empty for others."""
    below = name.removeprefix(f"{INSIDE}.")
    return below if below != name and below.partition(".")[0] in _PARTS else ""


def module_of(part: str) -> str:
    """Returns the name of the module that has a part of tf.keras, which TensorFlow has loaded.

    What was in layers.core is in layers.
    """
    module: Any = sys.modules["tensorflow"].keras
    for name in part.split("."):
        below = getattr(module, name, None)
        if not isinstance(below, ModuleType):
            break
        module = below
    return str(module.__name__)
