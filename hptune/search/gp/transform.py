"""From objectives as measured to what a Gaussian process can model.

Notation:

    v (n,)  objectives as measured, finite, larger is better
    y (n,)  the same order, outliers tamed, zero mean and unit variance
"""

from __future__ import annotations

import numpy as np

from hptune.search.gp.kernel import Array

TAIL = 1.0  # in spreads below the median


def warp(values: Array) -> Array:
    """Computes y: keeps the order, and distances except in the bad tail, of which it takes the logarithm.

    What is a tail is measured in the better half's spread, as in the half-rank warping of the Vizier Gaussian
    Process Bandit Algorithm (Song et al. 2024). Unlike ranks, the logarithm keeps the shape of a smooth
    objective, which matters with few points.
    """
    centred, spread = _centred(values)
    if spread == 0.0:
        return np.zeros(len(values))
    # A penalty such as -1e308 may be too many spreads away for a float.
    with np.errstate(over="ignore"):
        spreads = np.maximum(centred / spread, -np.finfo(np.float64).max)
    below = np.maximum(-spreads, 0.0)
    compressed = np.minimum(below, TAIL) + np.log1p(np.maximum(below - TAIL, 0.0))
    y = np.where(centred < 0.0, -compressed, spreads)
    return np.asarray((y - y.mean()) / y.std())


def _centred(values: Array) -> tuple[Array, float]:
    """Returns distances from the median, and the spread of the better half; without overflow.

    Late in a search the better half lies about the optimum and its spread is noise; the median distance of
    the worse half then stands in, lest all else become tail.
    """
    largest = np.abs(values).max()
    if largest == 0.0:
        return values, 0.0
    scaled = values / largest
    centred = scaled - np.median(scaled)
    better = centred[centred >= 0.0]
    worse = -centred[centred <= 0.0]
    spread = max(np.sqrt(np.mean(better**2)), np.median(worse)) or np.sqrt(np.mean(centred**2))
    return centred, float(spread)
