"""``tf.contrib.data``: tf.data.experimental, and what has become a method of datasets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Transformation = Callable[[Any], Any]


def batch_and_drop_remainder(batch_size: int) -> Transformation:
    """Makes batches, without a last one that is not full."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(
    batch_size: int, padded_shapes: Any, padding_values: Any = None
) -> Transformation:
    """Makes padded batches, without a last one that is not full."""
    return lambda dataset: dataset.padded_batch(
        batch_size, padded_shapes, padding_values, drop_remainder=True
    )


def read_batch_features(*args: Any, **options: Any) -> Any:
    """Reads batches of parsed examples, as tensors."""
    dataset = tf.data.experimental.make_batched_features_dataset(*args, **options)
    return tf.data.make_one_shot_iterator(dataset).get_next()


def sliding_window_batch(
    window_size: int, stride: int | None = None, window_shift: int = 1
) -> Transformation:
    """Makes batches of as many neighbours, each batch beginning ``stride`` elements after the last."""

    def batches(*window: Any) -> Any:
        inside = tuple(part.batch(window_size, drop_remainder=True) for part in window)
        return tf.data.Dataset.zip(inside) if len(inside) > 1 else inside[0]

    shift = stride or window_shift
    return lambda dataset: dataset.window(window_size, shift, drop_remainder=True).flat_map(batches)
