"""The environment of TensorFlow 1's trainers, for tests that need it."""

import pytest

from hptune.errors import RuntimeNotReady
from hptune.runtimes import managed


@pytest.fixture(scope="session")
def tensorflow_1():
    """The interpreter of the managed environment in the user's own cache, made there if need be."""
    try:
        managed.prepare(print)
    except RuntimeNotReady as error:
        pytest.skip(f"the environment for TensorFlow 1 cannot be made here: {error}")
    return managed.python()
