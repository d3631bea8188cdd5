"""``tf.contrib.learn``'s Estimators: tf.estimator's, with the arguments of then."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import tensorflow as tf

# Arguments of contrib's that tf.estimator's have no use for.
_DROPPED = frozenset(
    {"enable_centered_bias", "feature_engineering_fn", "gradient_clip_norm", "embedding_lr_multipliers"}
)
_RENAMED = {"weight_column_name": "weight_column", "dnn_activation_fn": "dnn_activation_fn"}


class _Fits:
    """Estimators' training under its name of then."""

    def fit(
        self: Any,
        input_fn: Any = None,
        steps: int | None = None,
        max_steps: int | None = None,
        monitors: Any = None,
    ) -> Any:
        """Trains."""
        return self.train(input_fn, hooks=monitors, steps=steps, max_steps=max_steps)


def _estimator(name: str) -> Any:
    base = getattr(tf.estimator, name)

    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807  (a method)
        kept = {_RENAMED.get(key, key): value for key, value in options.items() if key not in _DROPPED}
        names = set(inspect.signature(base.__init__).parameters)
        base.__init__(self, *args, **{key: value for key, value in kept.items() if key in names})

    return type(name, (_Fits, base), {"__init__": __init__})


DNNClassifier = _estimator("DNNClassifier")
DNNRegressor = _estimator("DNNRegressor")
LinearClassifier = _estimator("LinearClassifier")
LinearRegressor = _estimator("LinearRegressor")
DNNLinearCombinedClassifier = _estimator("DNNLinearCombinedClassifier")
DNNLinearCombinedRegressor = _estimator("DNNLinearCombinedRegressor")


class RunConfig(tf.estimator.RunConfig):  # type: ignore[misc]
    """A run's settings; what only a cluster of machines could use is taken and passed over."""

    def __init__(self, master: str | None = None, **options: Any) -> None:
        fraction = options.pop("gpu_memory_fraction", None)
        placement = options.pop("log_device_placement", False)
        if "session_config" not in options and (fraction or placement):
            gpu = tf.GPUOptions(per_process_gpu_memory_fraction=fraction or 1)
            options["session_config"] = tf.ConfigProto(log_device_placement=placement, gpu_options=gpu)
        names = set(inspect.signature(tf.estimator.RunConfig.__init__).parameters)
        super().__init__(**{key: value for key, value in options.items() if key in names})


class ModelFnOps(NamedTuple):
    """What a model function returned; the same as an EstimatorSpec, field by field."""

    mode: str
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metric_ops: Any = None
    output_alternatives: Any = None
    training_chief_hooks: Any = None
    training_hooks: Any = None
    scaffold: Any = None

    def spec(self) -> Any:
        """Makes an EstimatorSpec of it."""
        alternatives = self.output_alternatives or {}
        outputs = {name: tf.estimator.export.PredictOutput(out) for name, (_, out) in alternatives.items()}
        if not outputs and self.predictions is not None:
            named = self.predictions if isinstance(self.predictions, dict) else {"output": self.predictions}
            outputs = {"serving_default": tf.estimator.export.PredictOutput(named)}
        if len(outputs) == 1:
            outputs = {"serving_default": next(iter(outputs.values()))}
        return tf.estimator.EstimatorSpec(
            self.mode,
            predictions=self.predictions,
            loss=self.loss,
            train_op=self.train_op,
            eval_metric_ops=self.eval_metric_ops,
            export_outputs=outputs or None,
            training_chief_hooks=self.training_chief_hooks,
            training_hooks=self.training_hooks,
            scaffold=self.scaffold,
        )


class Estimator(_Fits, tf.estimator.Estimator):  # type: ignore[misc]
    """An Estimator whose model function may return `ModelFnOps` or (predictions, loss, train_op)."""

    def __init__(
        self,
        model_fn: Any,
        model_dir: str | None = None,
        config: Any = None,
        params: Any = None,
        **_: object,
    ) -> None:
        given = set(inspect.signature(model_fn).parameters)

        def wrapped(features: Any, labels: Any, mode: str, params: Any, config: Any) -> Any:
            extra = {"mode": mode, "params": params, "config": config, "model_dir": model_dir}
            made = model_fn(features, labels, **{k: v for k, v in extra.items() if k in given})
            if isinstance(made, tuple) and not hasattr(made, "_fields"):
                made = ModelFnOps(mode, *made)
            return made.spec() if isinstance(made, ModelFnOps) else made

        super().__init__(wrapped, model_dir, config, params)
