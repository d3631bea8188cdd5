from tests.tensorflow_1 import tensorflow_1

__all__ = ["tensorflow_1"]
