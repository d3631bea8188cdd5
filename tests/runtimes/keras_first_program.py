"""What a trainer of its time has that imports Keras first; run in the managed environment."""

import io
import json
import pickle
import sys

import keras
import tensorflow as tf
from keras import backend as K  # noqa: N812
from keras.layers import CuDNNLSTM  # noqa: F401
from tensorflow.contrib.keras.python.keras.layers import Dense
from tensorflow.contrib.keras.python.keras.optimizers import RMSprop
from tensorflow.python.keras import models
from tensorflow.python.keras.layers import Dense as DenseInside
from tensorflow.python.keras.layers import Dropout
from tensorflow.python.keras.preprocessing import text

OF_PYTHON_2 = b"\x80\x02U\x02a\xb2."  # pickle.dumps("a\xb2", 2) there


def estimated():
    """The steps that an Estimator takes that was made of a Keras model."""
    model = models.Sequential([DenseInside(1, input_shape=(2,)), Dropout(0.5)])
    model.compile(keras.optimizers.SGD(lr=0.1), "mse")
    estimator = tf.keras.estimator.model_to_estimator(model, model_dir="estimator")
    estimator.train(lambda: tf.data.Dataset.from_tensors(([[0.0, 1.0]], [[1.0]])).repeat(3))
    return int(estimator.get_variable_value("global_step"))


print(
    json.dumps(
        {
            "once": keras is sys.modules["keras"] and keras.__version__ == tf.keras.__version__,
            "session": isinstance(K.get_session(), tf.Session),
            "contrib": [Dense is tf.keras.layers.Dense, RMSprop is tf.keras.optimizers.RMSprop],
            "contrib_as_module": tf.contrib.keras.layers.Dense is Dense,
            "inside": [
                Dropout is tf.keras.layers.Dropout,
                text.Tokenizer is tf.keras.preprocessing.text.Tokenizer,
            ],
            "pickles": [pickle.loads(OF_PYTHON_2), pickle.load(io.BytesIO(OF_PYTHON_2))],
            "steps": estimated(),
        }
    )
)
