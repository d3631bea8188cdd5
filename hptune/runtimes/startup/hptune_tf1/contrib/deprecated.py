"""``tf.contrib.deprecated``: summaries under their names of TensorFlow 0."""

from __future__ import annotations

import tensorflow as tf

scalar_summary = tf.summary.scalar
histogram_summary = tf.summary.histogram
image_summary = tf.summary.image
audio_summary = tf.summary.audio
merge_summary = tf.summary.merge
merge_all_summaries = tf.summary.merge_all
