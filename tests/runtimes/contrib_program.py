"""What public trainers use of TensorFlow 1; run in the managed environment, prints what is missing."""

import importlib
import json

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.externals import joblib  # noqa: F401
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import OneHotEncoder
from tensorflow.contrib import layers, lookup, slim
from tensorflow.contrib.learn.python.learn.utils import saved_model_export_utils
from tensorflow.contrib.slim.python.slim.nets import inception_v3 as inception
from tensorflow.keras.layers import Dense  # noqa: F401
from tensorflow.python.lib.io import file_io

USED = """
cluster_resolver.TPUClusterResolver data.AUTOTUNE data.batch_and_drop_remainder data.CsvDataset
data.map_and_batch data.parallel_interleave data.sliding_window_batch deprecated.scalar_summary
distribute.MirroredStrategy estimator.add_metrics estimator.forward_features
estimator.stop_if_no_decrease_hook framework.get_global_step framework.get_or_create_global_step
layers.batch_norm layers.conv2d layers.crossed_column layers.embed_sequence layers.embedding_column
layers.fully_connected layers.l2_regularizer layers.optimize_loss layers.real_valued_column
layers.sparse_column_with_integerized_feature layers.variance_scaling_initializer
layers.xavier_initializer learn.DNNClassifier learn.Estimator learn.Experiment learn.LinearRegressor
learn.learn_runner.run learn.MetricSpec learn.ModeKeys.INFER learn.ModelFnOps learn.RunConfig
learn.utils.make_export_strategy lookup.index_table_from_file lookup.index_table_from_tensor
metrics.aggregate_metric_map metrics.streaming_root_mean_squared_error rnn.BasicLSTMCell
rnn.LSTMStateTuple rnn.MultiRNNCell saved_model.save_keras_model slim.get_variables_to_restore
summary.scalar tpu.CrossShardOptimizer tpu.RunConfig training.create_train_op training.HParams
training.StopAfterNEvalsHook
"""


def missing():
    for path in USED.split():
        value = tf.contrib
        try:
            for name in path.split("."):
                value = getattr(value, name)
        except AttributeError as error:
            yield f"{path}: {error}"


def message(function, *args):
    try:
        function(*args)
    except (AttributeError, ImportError) as error:
        return str(error)
    return ""


def values():
    """What some of them compute, in one graph."""
    table = lookup.index_table_from_tensor(["a", "b"], num_oov_buckets=1)
    window = tf.data.Dataset.range(4).apply(tf.contrib.data.sliding_window_batch(3))
    tensors = [table.lookup(tf.constant(["b", "a", "z"])), window.make_one_shot_iterator().get_next()]
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        return [value.tolist() for value in session.run(tensors)]


def trained():
    """The steps that each of contrib's ways to make a training step takes, and whether it learned."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.constant(np.random.RandomState(0).rand(8, 4, 4, 1), tf.float32)
        normalized = {"is_training": True}
        hidden = slim.conv2d(images, 2, 3, normalizer_fn=slim.batch_norm, normalizer_params=normalized)
        hidden = tf.layers.batch_normalization(slim.dropout(slim.flatten(hidden)), training=True)
        loss = tf.losses.mean_squared_error(
            tf.ones([8, 1]), layers.fully_connected(hidden, 1, activation_fn=None)
        )
        step = tf.train.get_or_create_global_step()
        rate = tf.train.exponential_decay(0.1, step, 10, 0.9)
        optimizer = tf.train.GradientDescentOptimizer(rate)
        ways = [
            layers.optimize_loss(loss, step, rate, "Adam", clip_gradients=1.0),
            slim.learning.create_train_op(loss, optimizer, clip_gradient_norm=1.0),
            tf.contrib.training.create_train_op(loss, optimizer),
        ]
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        before = session.run(loss)
        for way in ways * 4:
            session.run(way)
        return [int(session.run(step)), bool(session.run(loss) < before)]


def fitted():
    """The steps of Estimators of tf.contrib.learn, with feature columns of tf.contrib.layers."""

    def data():
        return {"x": tf.constant([1.0, 2.0]), "a": tf.constant(["p", "q"])}, tf.constant([0, 1])

    word, number = layers.sparse_column_with_hash_bucket("a", 10), layers.real_valued_column("x")
    cross = layers.crossed_column([word, layers.bucketized_column(number, [1.5])], 20)
    wide = tf.contrib.learn.DNNLinearCombinedClassifier(
        linear_feature_columns=[cross],
        dnn_feature_columns=[layers.embedding_column(word, 2)],
        dnn_hidden_units=[2],
    )
    deep = tf.contrib.learn.DNNClassifier(feature_columns=[number], hidden_units=[2])
    return [int(each.fit(input_fn=data, steps=3).get_variable_value("global_step")) for each in (wide, deep)]


def bytes_as_text(path):
    with file_io.FileIO(path, "w") as file:
        file.write(memoryview(b"\x80\x02ab"))
    with file_io.FileIO(path, "r") as file:
        return [file.read(1) == b"\x80", file.read() == b"\x02ab"]


def libraries_of_their_time():
    """What NumPy, pandas and scikit-learn have no more, as trainers use it."""
    frame = pd.DataFrame({"x": ["a"], "y": [0]}).append({"x": "b", "y": 1}, ignore_index=True)
    encoded = OneHotEncoder(sparse=False).fit_transform(frame[["x"]]).astype(np.float)
    model = SGDClassifier(loss="log", random_state=0).fit(encoded, frame.y.astype(int))
    return model.predict(encoded).tolist()


def signatures():
    """What is in a SavedModel, as trainers ask for it and as packages of today do."""
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
    path = tf.contrib.saved_model.save_keras_model(model, "model")
    assert path == path.decode("utf-8") == "model"
    with tf.Session(graph=tf.Graph()) as session:
        asked = tf.saved_model.load(session, ["serve"], "model").signature_def
    of_today = tf.saved_model.load(export_dir="model", tags=["serve"]).signatures
    return ["serving_default" in found for found in (asked, of_today)]


hparams = tf.contrib.training.HParams(lr=0.1, layers=[1, 2], relu=True).parse("lr=1,layers=[3,4],relu=false")
print(
    json.dumps(
        {
            "export": callable(tf.keras.experimental.export_saved_model),
            "version": tf.__version__,
            "eager": tf.executing_eagerly(),
            "functions": [
                callable(saved_model_export_utils.make_export_strategy),
                callable(inception.inception_v3),
            ],
            "missing": list(missing()),
            "hparams": hparams.values(),
            "values": values(),
            "bytes": bytes_as_text("file"),
            "libraries": libraries_of_their_time(),
            "signatures": signatures(),
            "trained": trained(),
            "fitted": fitted(),
            "seq2seq": message(lambda: tf.contrib.seq2seq.BasicDecoder),
            "gan": message(importlib.import_module, "tensorflow.contrib.gan"),
        }
    )
)
