"""``tf.contrib.rnn``: the cells of tf.nn.rnn_cell, and functions that were named otherwise."""

from __future__ import annotations

import tensorflow as tf

static_rnn = tf.nn.static_rnn
static_bidirectional_rnn = tf.nn.static_bidirectional_rnn
LSTMBlockCell = tf.nn.rnn_cell.LSTMCell
GRUBlockCell = tf.nn.rnn_cell.GRUCell
GRUBlockCellV2 = tf.nn.rnn_cell.GRUCell
