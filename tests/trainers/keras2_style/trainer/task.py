"""A trainer of 2020: tf.keras as it was up to TensorFlow 2.15, which Keras 3 refuses."""

import argparse

import numpy as np
import tensorflow as tf
from tensorflow import keras

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--job-dir", required=True)
args = parser.parse_args()
print("keras", tf.keras.__version__)

rng = np.random.RandomState(0)
x = rng.normal(size=(256, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
model = keras.Sequential(
    [keras.layers.Dense(8, activation="relu", input_shape=(4,)), keras.layers.Dense(1, activation="sigmoid")]
)
optimizer = keras.optimizers.Adam(lr=args.lr, decay=1e-6)
print("lr", float(keras.backend.get_value(optimizer.lr)))
model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
board = keras.callbacks.TensorBoard(args.job_dir)
model.fit(x, y, validation_split=0.25, epochs=5, verbose=2, callbacks=[board])
model.save(f"{args.job_dir}/export", save_format="tf")
