"""What modules inside TensorFlow had: tf_slim, and trainers, use them as they were."""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "tensorflow.python.framework.ops": ("Tensor", "IndexedSlices"),
    "tensorflow.python.ops.array_ops": ("stack", "unstack"),
    "tensorflow.python.ops.control_flow_ops": ("Assert", "case", "cond", "while_loop"),
}
"""By module, names that the API has and the module has no more."""


def give_back(tensorflow: Any) -> None:
    """Gives the modules their names again.

    Args:
        tensorflow: TensorFlow with its v1 API.
    """
    for module, names in _NAMES.items():
        there = vars(importlib.import_module(module))
        there.update({name: getattr(tensorflow, name) for name in names if name not in there})
    variable_scope = vars(importlib.import_module("tensorflow.python.ops.variable_scope"))
    variable_scope.setdefault("variable", tensorflow.Variable)
    # TensorFlow looks for them in tf_keras, which stands for Keras 2 beside Keras 3.
    layers = vars(importlib.import_module("tensorflow.python.layers.normalization"))
    of_keras = vars(importlib.import_module("keras.src.legacy_tf_layers.normalization"))
    for name, old in (("BatchNormalization", "BatchNorm"), ("batch_normalization", "batch_norm")):
        layers[name] = layers[old] = of_keras[name]
