"""``tf.contrib.learn``'s Experiment: an Estimator, its data, how long to train, what to export."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf


class InputFnOps(NamedTuple):
    """What an input function for serving returns."""

    features: Any
    labels: Any
    default_inputs: Any


class ExportStrategy(NamedTuple):
    """How a model is exported, and below which name."""

    name: str
    export_fn: Callable[[Any, str], Any]


class MetricSpec:
    """A metric of an Experiment: a function of predictions and labels."""

    def __init__(
        self,
        metric_fn: Callable[..., Any],
        prediction_key: str | None = None,
        label_key: str | None = None,
        weight_key: str | None = None,
    ) -> None:
        self.metric_fn = metric_fn
        self.prediction_key = prediction_key
        self.label_key = label_key
        self.weight_key = weight_key

    def create_metric_ops(self, inputs: Any, labels: Any, predictions: Any) -> Any:
        """Returns the metric's value and what updates it."""
        weights = {"weights": inputs[self.weight_key]} if self.weight_key else {}
        return self.metric_fn(_one(predictions, self.prediction_key), _one(labels, self.label_key), **weights)


def _one(values: Any, key: str | None) -> Any:
    if not isinstance(values, dict):
        return values
    if key is None and len(values) > 1:
        # The canned Estimators' own prediction comes under one of these.
        key = next(name for name in ("predictions", "class_ids", "output", "classes") if name in values)
    return values[key] if key is not None else next(iter(values.values()))


def make_export_strategy(
    serving_input_fn: Callable[[], Any],
    default_output_alternative_key: str | None = None,
    assets_extra: dict[str, str] | None = None,
    as_text: bool = False,
    exports_to_keep: int | None = None,
    **_: object,
) -> ExportStrategy:
    """Exports a SavedModel whose inputs are what ``serving_input_fn`` says."""

    def receiver() -> Any:
        made = serving_input_fn()
        if not isinstance(made, InputFnOps):
            return made
        return tf.estimator.export.ServingInputReceiver(made.features, made.default_inputs)

    def export(estimator: Any, export_dir_base: str) -> Any:
        return estimator.export_saved_model(export_dir_base, receiver, assets_extra, as_text)

    return ExportStrategy("Servo", export)


def build_parsing_serving_input_fn(feature_spec: Any, default_batch_size: int | None = None) -> Any:
    """Returns an input function for serving that parses examples."""
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(feature_spec, default_batch_size)


class Experiment:
    """Trains and evaluates an Estimator.

    Monitors and what only a cluster of machines could use are passed over.
    """

    def __init__(
        self,
        estimator: Any,
        train_input_fn: Callable[[], Any],
        eval_input_fn: Callable[[], Any],
        eval_metrics: dict[str, Any] | None = None,
        train_steps: int | None = None,
        eval_steps: int | None = 100,
        train_monitors: Sequence[Any] | None = None,
        export_strategies: Any = None,
        min_eval_frequency: int | None = None,
        eval_hooks: Sequence[Any] | None = None,
        **_: object,
    ) -> None:
        self.estimator = _with_metrics(estimator, eval_metrics) if eval_metrics else estimator
        self._train_input_fn = train_input_fn
        self._eval_input_fn = eval_input_fn
        self._train_steps = train_steps
        self._eval_steps = eval_steps
        self._hooks = [hook for hook in train_monitors or () if isinstance(hook, tf.estimator.SessionRunHook)]
        self._eval_hooks = eval_hooks
        self._every = min_eval_frequency
        strategies = export_strategies or ()
        self._strategies = [strategies] if isinstance(strategies, ExportStrategy) else list(strategies)

    def train(self, delay_secs: float | None = None) -> Any:
        """Trains."""
        return self.estimator.train(self._train_input_fn, hooks=self._hooks, max_steps=self._train_steps)

    def evaluate(self, delay_secs: float | None = None, name: str | None = None) -> Any:
        """Evaluates once."""
        return self.estimator.evaluate(self._eval_input_fn, self._eval_steps, self._eval_hooks, name=name)

    def train_and_evaluate(self) -> tuple[Any, list[Any]]:
        """Trains, evaluates at the end and, with min_eval_frequency, at every checkpoint; exports."""
        if self._every and self._train_steps:
            evaluation = tf.estimator.EvalSpec(
                self._eval_input_fn,
                self._eval_steps,
                hooks=self._eval_hooks,
                start_delay_secs=0,
                throttle_secs=0,
            )
            training = tf.estimator.TrainSpec(self._train_input_fn, self._train_steps, self._hooks)
            result, _ = tf.estimator.train_and_evaluate(self.estimator, training, evaluation)
        else:
            self.train()
            result = self.evaluate()
        return result, self._export()

    def _export(self) -> list[Any]:
        base = os.path.join(self.estimator.model_dir, "export")  # noqa: PTH118  (may be a bucket's address)
        return [s.export_fn(self.estimator, os.path.join(base, s.name)) for s in self._strategies]  # noqa: PTH118

    run_std_server = train
    train_and_evaluate_once = train_and_evaluate
    local_run = train_and_evaluate
    test = train_and_evaluate


def _with_metrics(estimator: Any, metrics: dict[str, Any]) -> Any:
    def metric_fn(features: Any, labels: Any, predictions: Any) -> dict[str, Any]:
        return {name: _metric(spec, features, labels, predictions) for name, spec in metrics.items()}

    return tf.estimator.add_metrics(estimator, metric_fn)


def _metric(spec: Any, features: Any, labels: Any, predictions: Any) -> Any:
    if isinstance(spec, MetricSpec):
        return spec.create_metric_ops(features, labels, predictions)
    return spec(_one(predictions, None), labels)


def run(
    experiment_fn: Callable[..., Experiment],
    output_dir: str | None = None,
    schedule: str | None = None,
    run_config: Any = None,
    hparams: Any = None,
) -> Any:
    """Makes an Experiment and runs it, as ``learn_runner.run`` did: one machine trains and evaluates."""
    if run_config is None:
        experiment = experiment_fn(output_dir)
    else:
        given = {"run_config": run_config, "hparams": hparams}
        names = inspect.signature(experiment_fn).parameters
        known = {name: value for name, value in given.items() if name in names}
        # Called by position where it has names of its own for them.
        experiment = experiment_fn(**known) if "run_config" in known else experiment_fn(run_config, hparams)
    return getattr(experiment, schedule or "train_and_evaluate")()
