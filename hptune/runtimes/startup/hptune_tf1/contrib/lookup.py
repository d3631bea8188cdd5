"""``tf.contrib.lookup``: tables from lists and files, under their names of then."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.ops import lookup_ops

Tensor = Any  # TensorFlow has no types.

HashTable = tf.lookup.StaticHashTable
MutableHashTable = (
    tf.lookup.experimental.MutableHashTable if hasattr(tf.lookup.experimental, "MutableHashTable") else None
)
MutableDenseHashTable = tf.lookup.experimental.DenseHashTable


def index_table_from_tensor(mapping: Tensor, *args: Any, **options: Any) -> Any:
    """Returns a table from the values of a list to their places in it."""
    return lookup_ops.index_table_from_tensor(mapping, *args, **options)


def index_to_string_table_from_tensor(mapping: Tensor, *args: Any, **options: Any) -> Any:
    """Returns a table from places in a list to the values there."""
    return lookup_ops.index_to_string_table_from_tensor(mapping, *args, **options)


def string_to_index(tensor: Tensor, mapping: Tensor, default_value: int = -1, name: str | None = None) -> Any:
    """Returns the places of values in a list."""
    return index_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)


def index_to_string(
    tensor: Tensor, mapping: Tensor, default_value: str = "UNK", name: str | None = None
) -> Any:
    """Returns the values at places in a list."""
    return index_to_string_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)


string_to_index_table_from_tensor = index_table_from_tensor
string_to_index_table_from_file = lookup_ops.index_table_from_file
