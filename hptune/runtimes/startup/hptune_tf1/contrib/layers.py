"""``tf.contrib.layers``: its feature columns are those of tf.feature_column, its layers tf_slim's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_slim

Column = Any  # TensorFlow has no types.
_columns = tf.feature_column

SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY = 0xDECAFCAFFE

xavier_initializer = tf_slim.xavier_initializer
create_feature_spec_for_parsing = tf.feature_column.make_parse_example_spec
one_hot_column = _columns.indicator_column
batch_norm = tf_slim.batch_norm
feature_column = _columns


def real_valued_column(
    column_name: str,
    dimension: int = 1,
    default_value: Any = None,
    dtype: Any = tf.float32,
    normalizer: Callable[..., Any] | None = None,
) -> Column:
    """Returns a numeric column."""
    return _columns.numeric_column(column_name, (dimension,), default_value, dtype, normalizer)


def sparse_column_with_keys(
    column_name: str,
    keys: Any,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: Any = tf.string,
) -> Column:
    """Returns a categorical column of values that are listed."""
    return _columns.categorical_column_with_vocabulary_list(column_name, keys, dtype, default_value)


def sparse_column_with_vocabulary_file(
    column_name: str,
    vocabulary_file: str,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: Any = tf.string,
) -> Column:
    """Returns a categorical column of values that a file lists."""
    known = None if num_oov_buckets else default_value
    return _columns.categorical_column_with_vocabulary_file(
        column_name, vocabulary_file, vocab_size, num_oov_buckets, known, dtype
    )


def sparse_column_with_hash_bucket(
    column_name: str,
    hash_bucket_size: int,
    combiner: str = "sum",
    dtype: Any = tf.string,
    hash_keys: Any = None,
) -> Column:
    """Returns a categorical column of hashed values."""
    return _columns.categorical_column_with_hash_bucket(column_name, hash_bucket_size, dtype)


def sparse_column_with_integerized_feature(
    column_name: str,
    bucket_size: int,
    combiner: str = "sum",
    dtype: Any = tf.int64,
) -> Column:
    """Returns a categorical column of whole numbers below a bound."""
    return _columns.categorical_column_with_identity(column_name, bucket_size)


def bucketized_column(source_column: Column, boundaries: Any) -> Column:
    """Returns a numeric column cut into ranges."""
    return _columns.bucketized_column(source_column, list(boundaries))


def crossed_column(
    columns: Any,
    hash_bucket_size: int,
    combiner: str = "sum",
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    hash_key: int | None = None,
) -> Column:
    """Returns a categorical column of the combinations of others.

    Of a hashed column tf.feature_column crosses the values themselves, which it asks for by their name.
    """
    return _columns.crossed_column([_as_crossed(column) for column in columns], hash_bucket_size, hash_key)


def _as_crossed(column: Column) -> Column:
    is_listed, is_hashed = hasattr(column, "vocabulary_list"), hasattr(column, "hash_bucket_size")
    # A cross has a number of buckets, too, and no key.
    return column.key if (is_listed or is_hashed) and hasattr(column, "key") else column


def embedding_column(
    sparse_id_column: Column,
    dimension: int,
    combiner: str = "mean",
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> Column:
    """Returns a column of vectors that are learnt."""
    return _columns.embedding_column(
        sparse_id_column,
        dimension,
        combiner,
        initializer,
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )


def weighted_sparse_column(
    sparse_id_column: Column,
    weight_column_name: str,
    dtype: Any = tf.float32,
) -> Column:
    """Returns a categorical column whose values have weights."""
    return _columns.weighted_categorical_column(sparse_id_column, weight_column_name, dtype)


def input_from_feature_columns(
    columns_to_tensors: Any, feature_columns: Any, *_: object, **__: object
) -> Any:
    """Returns the tensor of shape [batch, width] that columns make of features."""
    return _columns.input_layer(columns_to_tensors, feature_columns)


def embed_sequence(
    ids: Any,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: str | None = None,
    reuse: bool | None = None,
) -> Any:
    """Makes vectors of shape [batch, length, embed_dim] of whole numbers of shape [batch, length]."""
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = [vocab_size, embed_dim]
        table = tf.get_variable(
            "embeddings", shape, initializer=initializer, regularizer=regularizer, trainable=trainable
        )
        return tf.nn.embedding_lookup(table, ids)


def safe_embedding_lookup_sparse(embedding_weights: Any, *args: Any, **options: Any) -> Any:
    """Looks up the vectors of sparse ids; those without one get ``default_id``'s."""
    return tf.nn.safe_embedding_lookup_sparse(embedding_weights, *args, **options)
