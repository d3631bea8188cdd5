"""What a trained model says of a data set's test part, where the trainer left a TensorFlow SavedModel."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hptune.data.arrays import flat_rows, read_arrays
from hptune.data.containers import Array

_BATCH_ROWS = 4096


class CannotPredictError(Exception):
    """There is no model that predicts this data's classes; the message says why."""


def confusion_matrix(output: Path, data: Path) -> list[list[int]]:
    """Counts test rows, (classes, classes): true class by row, predicted class by column.

    Args:
        output: What the trainer wrote; the newest SavedModel in it or below is used.
        data: The data set. Features that are bytes are divided by 255 first, as trainers do.

    Raises:
        CannotPredictError: There is no such model, or it is not one that predicts these classes.
        DataError: The data cannot be used.
    """
    model = _saved_model(output)
    arrays = read_arrays(data)
    predicted = _predict(model, _scaled(flat_rows(arrays.x_test)))
    classes = 1 + int(max(predicted.max(), arrays.y_train.max()))
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (arrays.y_test, predicted), 1)
    rows: list[list[int]] = counts.tolist()
    return rows


def _saved_model(output: Path) -> Path:
    models = sorted(output.rglob("saved_model.pb"), key=lambda path: path.stat().st_mtime)
    if not models:
        raise CannotPredictError("the trainer left no SavedModel")
    if importlib.util.find_spec("tensorflow") is None:
        raise CannotPredictError("TensorFlow, which reads SavedModels, is not installed")
    return models[-1].parent


def _scaled(x: Array) -> Array:
    return x.astype(np.float32) / np.float32(255 if x.dtype == np.uint8 else 1)


def _predict(model: Path, x: Array) -> Array:
    """Predicts the class of each row of ``x``, (rows, features): (rows,)."""
    # TensorFlow starts a second sooner without Keras, which a saved model does not need.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # Its start is not worth eight lines of a step's log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import tensorflow as tf  # type: ignore[import-untyped, unused-ignore]

    try:
        loaded = tf.saved_model.load(str(model))
        predict, name = _signature(loaded, x.shape[1])
        batches = (x[start : start + _BATCH_ROWS] for start in range(0, len(x), _BATCH_ROWS))
        scores = [_scores(predict(**{name: tf.constant(batch)}), len(batch)) for batch in batches]
    except (tf.errors.OpError, ValueError, TypeError, OSError) as error:
        raise CannotPredictError(f"{model} does not predict this data: {error}") from error
    classes: Array = np.concatenate(scores).argmax(axis=1)
    return classes


def _signature(model: Any, features: int) -> tuple[Callable[..., Mapping[str, Any]], str]:  # noqa: ANN401
    """Finds the model's way to predict, and its name for the features."""
    signatures = getattr(model, "signatures", {})
    if "serving_default" not in signatures:
        raise ValueError("it has no signature serving_default")
    predict = signatures["serving_default"]
    inputs = predict.structured_input_signature[1]
    if len(inputs) != 1:
        raise ValueError(f"it takes {len(inputs)} inputs; must be 1, (rows, features)")
    [(name, taken)] = inputs.items()
    # TensorFlow would run some models on rows of another width.
    if not taken.shape.is_compatible_with([None, features]):
        raise ValueError(f"it takes {taken.shape}; must be (rows, {features})")
    return predict, name


def _scores(outputs: Mapping[str, Any], rows: int) -> Array:
    """Finds the output that has a score for each class: (rows, classes)."""
    arrays = [np.asarray(output) for output in outputs.values()]
    scores = [
        a for a in arrays if a.ndim == 2 and a.shape[0] == rows and a.shape[1] > 1 and a.dtype.kind == "f"
    ]
    if not scores:
        raise ValueError("none of its outputs is (rows, classes)")
    return scores[0]
