"""``tf.contrib.saved_model``: Keras models as SavedModels."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class SavedPath(str):
    """A path that trainers may decode: TensorFlow 1.13 returned bytes."""

    def decode(self, *_: object, **__: object) -> str:
        """Returns the path."""
        return str(self)


def save_keras_model(model: Any, saved_model_path: str, *_: object, **__: object) -> SavedPath:
    """Saves a model; returns where."""
    model.save(saved_model_path, save_format="tf")
    return SavedPath(saved_model_path)


def load_keras_model(saved_model_path: str) -> Any:
    """Returns a model that was saved."""
    return tf.keras.models.load_model(saved_model_path)
