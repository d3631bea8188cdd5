"""hptune: Cloud ML Engine hyperparameter tuning jobs, run where they can still run."""

from importlib.metadata import version

__version__ = version("hptune")
