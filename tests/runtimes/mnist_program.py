"""Reads MNIST as TensorFlow's tutorials did, from its argument; run in the managed environment."""

import json
import sys

from tensorflow.contrib.learn.python.learn.datasets.mnist import read_data_sets
from tensorflow.examples.tutorials.mnist import input_data

data = input_data.read_data_sets(sys.argv[1], one_hot=True, validation_size=2, seed=0)
as_they_are = read_data_sets(sys.argv[1], reshape=False, dtype="uint8", validation_size=0)
images = data.train.images
batches = [data.train.next_batch(4) for _ in range(3)]
print(
    json.dumps(
        {
            "rows": [each.num_examples for each in data],
            "images": [
                data.train.images.shape[1],
                float(data.train.images.max()),
                str(data.train.images.dtype),
            ],
            "labels": data.test.labels.tolist(),
            "as_they_are": [as_they_are.train.images.shape[1:], str(as_they_are.train.images.dtype)],
            "plain_labels": as_they_are.test.labels.tolist(),
            "batches": [[int(each.argmax()) for each in labels] for _, labels in batches],
            "epochs": data.train.epochs_completed,
            "in_order": as_they_are.train.next_batch(3, shuffle=False)[1].tolist(),
        }
    )
)
