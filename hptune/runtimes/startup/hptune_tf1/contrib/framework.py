"""``tf.contrib.framework``: tf_slim's variables, and what moved to tf and tf.train."""

from __future__ import annotations

import tensorflow as tf

nest = tf.nest
get_global_step = tf.train.get_global_step
get_or_create_global_step = tf.train.get_or_create_global_step
is_tensor = tf.is_tensor
with_shape = tf.ensure_shape
