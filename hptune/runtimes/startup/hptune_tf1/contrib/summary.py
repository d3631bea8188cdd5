"""``tf.contrib.summary``: the summaries of TensorFlow 2, with the arguments of then."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

_v2 = tf.compat.v2.summary

SummaryWriter = _v2.SummaryWriter
all_summary_ops = tf.summary.all_v2_summary_ops
initialize = tf.summary.initialize


def _step(step: Any) -> Any:
    return tf.train.get_or_create_global_step() if step is None else step


def scalar(name: str, tensor: Any, family: str | None = None, step: Any = None) -> Any:
    """Writes a number."""
    return _v2.scalar(f"{family}/{name}" if family else name, tf.cast(tensor, tf.float32), _step(step))


def histogram(name: str, tensor: Any, family: str | None = None, step: Any = None) -> Any:
    """Writes how numbers are distributed."""
    return _v2.histogram(f"{family}/{name}" if family else name, tensor, _step(step))


def image(
    name: str,
    tensor: Any,
    bad_color: Any = None,
    max_images: int = 3,
    family: str | None = None,
    step: Any = None,
) -> Any:
    """Writes images, of shape [batch, height, width, channels]."""
    return _v2.image(f"{family}/{name}" if family else name, tensor, _step(step), max_images)


def create_file_writer(
    logdir: str,
    max_queue: int | None = None,
    flush_millis: int | None = None,
    filename_suffix: str | None = None,
    name: str | None = None,
) -> Any:
    """Returns a writer of summaries below a directory."""
    return _v2.create_file_writer(logdir, max_queue, flush_millis, filename_suffix, name)


def always_record_summaries() -> Any:
    """Has summaries written, in a with block."""
    return _v2.record_if(True)


def never_record_summaries() -> Any:
    """Has no summaries written, in a with block."""
    return _v2.record_if(False)


def record_summaries_every_n_global_steps(n: int, global_step: Any = None) -> Any:
    """Has summaries written at every n-th step, in a with block."""
    step = _step(global_step)
    return _v2.record_if(lambda: tf.equal(tf.math.floormod(step, tf.cast(n, step.dtype)), 0))
