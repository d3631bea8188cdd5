"""What a trainer runs in: an interpreter, a managed environment for TensorFlow 1, a container."""

from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
"""Starts a module under any interpreter: ``PYTHON LAUNCH MODULE ARGUMENT...``."""

CONTAINER = Path(__file__).with_name("container.py")
"""Runs a container that ends with whoever started it: ``PYTHON CONTAINER NAME COMMAND...``."""

STARTUP = Path(__file__).with_name("startup")
"""Has the package hptune_tf1, which makes TensorFlow 2.15 TensorFlow 1."""

ZYGOTE = Path(__file__).with_name("zygote.py")
"""Imports once what a trainer needs, and forks a trainer for each trial."""
