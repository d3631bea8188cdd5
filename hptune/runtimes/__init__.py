"""What a trainer runs in: an interpreter, this one or another; a managed environment for TensorFlow 1."""

from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
"""Starts a module under any interpreter: ``PYTHON LAUNCH MODULE ARGUMENT...``."""

STARTUP = Path(__file__).with_name("startup")
"""Has the package hptune_tf1, which makes TensorFlow 2.15 TensorFlow 1."""
