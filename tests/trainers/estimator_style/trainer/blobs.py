"""Two clouds of points; imported by name alone, as Python 2 let a package's modules do."""

import numpy as np


def make(count, seed):
    random = np.random.RandomState(seed)
    labels = random.randint(0, 2, count).astype(np.int32)
    points = random.normal(size=(count, 2)) + 3.0 * labels[:, np.newaxis]
    return points.astype(np.float32), labels
