"""The environment of TensorFlow 1's trainers, for tests that need it."""

import os
import subprocess
from pathlib import Path

import pytest

from hptune.errors import RuntimeNotReady
from hptune.runtimes import STARTUP, managed


@pytest.fixture(scope="session")
def tensorflow_1():
    """The interpreter of the managed environment in the user's own cache, made there if need be."""
    try:
        managed.prepare(print)
    except RuntimeNotReady as error:
        pytest.skip(f"the environment for TensorFlow 1 cannot be made here: {error}")
    return managed.python()


def run_program(python, name, *arguments, cwd=None, **variables):
    """Runs a program of tests/runtimes in the managed environment, as TensorFlow 1."""
    environment = {**os.environ, **variables, "HPTUNE_STARTUP": str(STARTUP), "TF_CPP_MIN_LOG_LEVEL": "3"}
    program = Path(__file__).parent / "runtimes" / name
    return subprocess.run(
        [python, program, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
