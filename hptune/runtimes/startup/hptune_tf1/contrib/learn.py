"""``tf.contrib.learn``: experiments, their export and their Estimators, as tf.estimator has them."""

from __future__ import annotations

from hptune_tf1.contrib.learn_estimators import (
    DNNClassifier,
    DNNLinearCombinedClassifier,
    DNNLinearCombinedRegressor,
    DNNRegressor,
    Estimator,
    LinearClassifier,
    LinearRegressor,
    ModelFnOps,
    RunConfig,
)
from hptune_tf1.contrib.learn_experiment import (
    Experiment,
    ExportStrategy,
    InputFnOps,
    MetricSpec,
    build_parsing_serving_input_fn,
    make_export_strategy,
    run,
)
from hptune_tf1.contrib.learn_keys import (
    InputFnKeys,
    ModeKeys,
    PredictionKey,
    ProblemType,
)
from hptune_tf1.mnist import DataSet, Datasets, load_mnist, read_data_sets

FOLDERS = (
    "base",
    "datasets",
    "estimators",
    "experiment",
    "io",
    "input_fn_utils",
    "learn_runner",
    "metric_spec",
    "mnist",
    "model_fn",
    "monitors",
    "run_config",
    "saved_model_export_utils",
)

__all__ = [
    "FOLDERS",
    "DNNClassifier",
    "DNNLinearCombinedClassifier",
    "DNNLinearCombinedRegressor",
    "DNNRegressor",
    "DataSet",
    "Datasets",
    "Estimator",
    "Experiment",
    "ExportStrategy",
    "InputFnKeys",
    "InputFnOps",
    "LinearClassifier",
    "LinearRegressor",
    "MetricSpec",
    "ModeKeys",
    "ModelFnOps",
    "PredictionKey",
    "ProblemType",
    "RunConfig",
    "build_parsing_serving_input_fn",
    "load_mnist",
    "make_export_strategy",
    "read_data_sets",
    "run",
]
