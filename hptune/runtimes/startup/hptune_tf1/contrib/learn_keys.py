"""The names that ``tf.contrib.learn`` had for modes, problems and predictions."""

from __future__ import annotations

import tensorflow as tf


class ModeKeys:
    """What a model function is called for."""

    TRAIN = tf.estimator.ModeKeys.TRAIN
    EVAL = tf.estimator.ModeKeys.EVAL
    INFER = tf.estimator.ModeKeys.PREDICT


class ProblemType:
    """What a head solves."""

    UNSPECIFIED = 0
    CLASSIFICATION = 1
    LINEAR_REGRESSION = 2
    LOGISTIC_REGRESSION = 3


class PredictionKey:
    """Names in the predictions of the canned Estimators."""

    CLASSES = "classes"
    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    LOGISTIC = "logistic"
    SCORES = "predictions"
    GENERIC = "output"


class InputFnKeys:
    """Names in what an input function for serving returns."""

    FEATURES = "features"
    LABELS = "labels"
