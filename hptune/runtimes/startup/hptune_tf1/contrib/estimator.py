"""``tf.contrib.estimator``: what is added to an Estimator that exists, and canned heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow_estimator.python.estimator.canned import head as _head

FOLDERS = ("early_stopping", "extenders", "head")

add_metrics = tf.estimator.add_metrics
InMemoryEvaluatorHook = tf.estimator.experimental.InMemoryEvaluatorHook
binary_classification_head = _head._binary_logistic_head_with_sigmoid_cross_entropy_loss
multi_class_head = _head._multi_class_head_with_softmax_cross_entropy_loss
regression_head = _head._regression_head


def forward_features(
    estimator: Any,
    keys: str | Sequence[str] | None = None,
    sparse_default_values: dict[str, Any] | None = None,
) -> Any:
    """Makes an Estimator that predicts features as well, such as the key of each example.

    Args:
        estimator: The Estimator.
        keys: Features to pass on; all where None.
        sparse_default_values: What sparse ones are filled up with.
    """
    wanted = [keys] if isinstance(keys, str) else keys

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        names = list(features) if wanted is None else wanted
        kept = {name: _dense(features[name], name, sparse_default_values or {}) for name in names}
        spec = estimator.model_fn(features, labels, mode, config)
        if spec.predictions is None or mode != tf.estimator.ModeKeys.PREDICT:
            return spec
        predictions = {**spec.predictions, **kept}
        outputs = {name: _with(output, kept) for name, output in (spec.export_outputs or {}).items()}
        return spec._replace(predictions=predictions, export_outputs=outputs or None)

    return tf.estimator.Estimator(model_fn=model_fn, model_dir=estimator.model_dir, config=estimator.config)


def _dense(feature: Any, name: str, defaults: dict[str, Any]) -> Any:
    if not isinstance(feature, tf.SparseTensor):
        return feature
    return tf.sparse.to_dense(feature, default_value=defaults.get(name))


def _with(output: Any, features: dict[str, Any]) -> Any:
    """Returns an export's output with features; those of classifiers and regressors have no room for them."""
    if isinstance(output, tf.estimator.export.PredictOutput):
        return tf.estimator.export.PredictOutput({**output.outputs, **features})
    return output


def replicate_model_fn(model_fn: Callable[..., Any], *_: object, **__: object) -> Callable[..., Any]:
    """Returns the function as it is: one device trains it."""
    return model_fn


def TowerOptimizer(optimizer: Any, *_: object, **__: object) -> Any:  # noqa: N802  (its name in contrib)
    """Returns the optimizer as it is: one device trains with it."""
    return optimizer() if callable(optimizer) and isinstance(optimizer, type) else optimizer
