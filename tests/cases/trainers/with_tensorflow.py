"""Keras's TensorBoard callback, and summaries of tf.summary beside it; says what was measured last."""

import argparse
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--job-dir", type=Path)
job_dir = parser.parse_args().job_dir

keras.utils.set_random_seed(1)
tf.config.experimental.enable_op_determinism()
random = np.random.default_rng(1)
x, y = random.normal(size=(96, 4)).astype("float32"), random.integers(0, 2, 96)
model = keras.Sequential([keras.layers.Dense(32, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile(
    keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=[keras.metrics.BinaryAccuracy("acc")]
)
callback = keras.callbacks.TensorBoard(job_dir / "keras", update_freq=1)
data = {"validation_data": (x[64:], y[64:])}
history = model.fit(x[:64], y[:64], epochs=4, batch_size=16, verbose=0, callbacks=[callback], **data).history

# Evaluated more often than it is flushed, and by a writer that is closed before that of the training.
training, test = (
    tf.summary.create_file_writer(str(job_dir / name)) for name in ("tests/train", "tests/eval")
)
for step in range(3):
    for writer, value in ((test, 2.0 + step), (training, 1.0 / (1 + step))):
        with writer.as_default():
            tf.summary.scalar("loss", value, step)
            tf.summary.scalar("model/training/hptuning/metric", value, step)
test.close()
training.close()
print("validation", *history["val_acc"])
