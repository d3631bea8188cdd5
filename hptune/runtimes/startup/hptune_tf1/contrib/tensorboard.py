"""``tf.contrib.tensorboard``: its plugins are TensorBoard's own."""

from __future__ import annotations

from tensorboard import plugins
from tensorboard.plugins import projector

__all__ = ["plugins", "projector"]
FOLDERS = ("plugins",)
