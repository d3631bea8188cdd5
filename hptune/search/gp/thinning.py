"""Which of many points a posterior is to be conditioned on.

Half of them are the best, about which the next point will most likely lie. The others are spread over the
cube, so that no region that was tried looks as if it had not been: the farthest from all chosen before, one
after the other (Gonzalez, Clustering to Minimize the Maximum Intercluster Distance, 1985), in lengthscales.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hptune.search.gp.kernel import Array, Mask, scaled_distances


def most_telling(x: Array, y: Array, weights: Array, categorical: Mask, count: int) -> npt.NDArray[np.intp]:
    """Chooses points; all of them where there are no more than ``count``.

    Args:
        x: (n, d), points of the cube.
        y: (n,), larger is better.
        weights: (d,), one over the squared lengthscales.
        categorical: (d,), which columns hold choices.
        count: How many.

    Returns:
        Their indices, (min(n, count),), in order.
    """
    if len(x) <= count:
        return np.arange(len(x))
    order = np.argsort(-y, kind="stable")
    chosen = [*order[: count // 2]]
    distance = scaled_distances(x, x[chosen], weights, categorical).min(axis=1)
    # Not again, though others may lie where these do.
    distance[chosen] = -1.0
    while len(chosen) < count:
        farthest = int(np.argmax(distance))
        chosen.append(farthest)
        to_it = scaled_distances(x, x[farthest : farthest + 1], weights, categorical)[:, 0]
        distance = np.minimum(distance, to_it)
        distance[farthest] = -1.0
    return np.sort(chosen)
