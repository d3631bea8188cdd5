"""Matern 5/2 covariance over a mixed unit cube, and its derivatives.

Notation:

    X, Z  (n, d), (m, d)  points of the cube; a categorical column holds the index of the choice
    D     (d, n, m)       squared difference per column; 0 or 1 for a categorical one
    w     (d,)            1 / lengthscale**2
    S     (n, m)          sum_k w_k D_k, the scaled squared distance
    R     (n, m)          sqrt(5 S)
    K     (n, m)          (1 + R + R**2 / 3) exp(-R), so K = 1 where S = 0

The Hamming distance of the categorical columns with a lengthscale each makes a choice's influence learnable
in the same way as a number's. Matern 5/2: Rasmussen & Williams, Gaussian Processes for Machine Learning
(2006), eq. 4.17; advised for tuning hyperparameters by Snoek, Larochelle & Adams (2012).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def squared_differences(x: Array, z: Array, categorical: Mask) -> Array:
    """Computes D: squared difference of each point of ``x`` (n, d) to each of ``z`` (m, d), per column."""
    difference = x.T[:, :, None] - z.T[:, None, :]
    squared = difference * difference
    squared[categorical] = squared[categorical] != 0.0
    return squared


def matern52(scaled: Array) -> Array:
    """Computes K at the scaled squared distances S, of any shape."""
    r = np.sqrt(5.0 * scaled)
    return (1.0 + r + r * r / 3.0) * np.exp(-r)


def matern52_with_slope(scaled: Array) -> tuple[Array, Array]:
    """Computes K and dK/dS at the scaled squared distances S; the slope is finite at S = 0 too."""
    r = np.sqrt(5.0 * scaled)
    decay = np.exp(-r)
    return (1.0 + r + r * r / 3.0) * decay, -5.0 / 6.0 * (1.0 + r) * decay


def scaled_distances(x: Array, z: Array, weights: Array, categorical: Mask) -> Array:
    """Computes S of each point of ``x`` (n, d) to each of ``z`` (m, d), without the memory that D takes."""
    total = np.zeros((len(x), len(z)))
    for column, weight in enumerate(weights):
        difference = x[:, column, None] - z[None, :, column]
        total += weight * ((difference != 0.0) if categorical[column] else difference * difference)
    return total
