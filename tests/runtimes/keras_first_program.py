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

OF_PYTHON_2 = b"\x80\x02U\x02a\xb2."  # pickle.dumps("a\xb2", 2) there

print(
    json.dumps(
        {
            "once": keras is sys.modules["keras"] and keras.__version__ == tf.keras.__version__,
            "session": isinstance(K.get_session(), tf.Session),
            "contrib": [Dense is tf.keras.layers.Dense, RMSprop is tf.keras.optimizers.RMSprop],
            "contrib_as_module": tf.contrib.keras.layers.Dense is Dense,
            "pickles": [pickle.loads(OF_PYTHON_2), pickle.load(io.BytesIO(OF_PYTHON_2))],
        }
    )
)
