"""Gaussian-process regression with hyperparameters by maximum a posteriori.

Notation, besides kernel.py's:

    y      (n,)     objective after transform.py: larger is better, about zero mean and unit variance
    extra  (n,)     noise variance known beforehand, on top of the fitted one
    theta  (d + 2,) log lengthscales, log signal variance s, log noise variance
    C      (n, n)   s K + MEAN_VARIANCE + diag(noise + extra): the covariance of y
    L      (n, n)   lower Cholesky factor of C
    alpha  (n,)     C^-1 y
    mu, var (m,)    posterior mean and variance of the objective without noise

The constant in C is the prior variance of an unknown constant mean, which is so integrated out
(Rasmussen & Williams 2006, section 2.7). The log-normal prior of the lengthscales grows with sqrt(d) as
Hvarfner, Hellsten & Nardi (Vanilla Bayesian Optimization Performs Great in High Dimensions, 2024) propose. It
is narrower than theirs because a job has ten trials, not a thousand; and its median is short, because a long
one carries the slope of a few points on to the corners of the cube, where the next trials are then spent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from hptune.search.gp.kernel import (
    Array,
    Mask,
    matern52,
    matern52_with_slope,
    scaled_distances,
    squared_differences,
)

LENGTHSCALE_MEDIAN = 0.35  # times sqrt(d)
LENGTHSCALE_LOG_STD = 0.75
SIGNAL_LOG_STD = 1.0
NOISE_MEDIAN = 1e-3
NOISE_LOG_STD = 1.5
MEAN_VARIANCE = 1.0
JITTER = 1e-8
MAX_FIT_POINTS = 100

_LOG_BOUND = 10.0


@dataclass(frozen=True)
class Hyperparameters:
    """What the covariance is made of, natural units.

    Attributes:
        lengthscales: (d,), in sides of the unit cube.
        signal: Variance of the objective over the cube.
        noise: Variance of a measurement.
    """

    lengthscales: Array
    signal: float
    noise: float

    @property
    def weights(self) -> Array:
        """One over the squared lengthscales, (d,)."""
        return np.asarray(self.lengthscales**-2.0)

    @property
    def theta(self) -> Array:
        """Logs of all, in one vector."""
        return np.asarray(np.log(np.append(self.lengthscales, [self.signal, self.noise])))

    @classmethod
    def from_theta(cls, theta: Array) -> Hyperparameters:
        """Makes hyperparameters of the vector of their logs."""
        *lengthscales, signal, noise = np.exp(theta)
        return cls(np.asarray(lengthscales), float(signal), float(noise))


def prior(dim: int) -> tuple[Array, Array]:
    """Returns mean and standard deviation of the normal prior of theta."""
    mean = np.full(dim + 2, np.log(LENGTHSCALE_MEDIAN * np.sqrt(max(dim, 1))))
    mean[-2:] = 0.0, np.log(NOISE_MEDIAN)
    std = np.full(dim + 2, LENGTHSCALE_LOG_STD)
    std[-2:] = SIGNAL_LOG_STD, NOISE_LOG_STD
    return mean, std


def negative_log_posterior(theta: Array, differences: Array, y: Array) -> tuple[float, Array]:
    """Computes minus the log posterior density of ``theta`` up to a constant, and its gradient.

    Args:
        theta: Logs of the hyperparameters, (d + 2,).
        differences: D of the points with themselves, (d, n, n).
        y: (n,).
    """
    dim, count = len(differences), len(y)
    weights = np.exp(-2.0 * theta[:dim])
    signal, noise = np.exp(theta[dim:])
    shape, slope = matern52_with_slope(np.tensordot(weights, differences, axes=1))
    covariance = signal * shape + MEAN_VARIANCE
    covariance[np.diag_indices(count)] += noise + JITTER
    factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    inverse = linalg.cho_solve((factor, True), np.eye(count), check_finite=False)
    alpha = inverse @ y

    mean, std = prior(dim)
    deviation = (theta - mean) / std
    value = 0.5 * (y @ alpha + deviation @ deviation) + np.log(np.diag(factor)).sum()

    residue = inverse - np.outer(alpha, alpha)
    gradient = deviation / std
    gradient[:dim] -= signal * weights * (differences.reshape(dim, -1) @ (residue * slope).ravel())
    gradient[dim] += 0.5 * signal * np.vdot(residue, shape)
    gradient[dim + 1] += 0.5 * noise * np.trace(residue)
    return float(value), gradient


def fit(x: Array, y: Array, categorical: Mask) -> Hyperparameters:
    """Finds the most probable hyperparameters: L-BFGS from the prior's mean and shorter, noisier ones.

    More than ``MAX_FIT_POINTS`` points are thinned to that many, half of them the best and half an even
    choice of the others: they tell well enough what the covariance looks like, and one step costs their cube.

    Args:
        x: (n, d).
        y: (n,).
        categorical: (d,), which columns hold choices.
    """
    x, y = _thinned(x, y)
    differences = squared_differences(x, x, categorical)
    mean, std = prior(x.shape[1])
    starts = [mean, mean + std * np.append(np.full(x.shape[1], -1.0), [0.0, 1.5])]
    runs = [_descend(start, differences, y, mean, std) for start in starts]
    return Hyperparameters.from_theta(min(runs, key=lambda run: float(run.fun)).x)


def evidence(x: Array, y: Array, categorical: Mask, hyperparameters: Hyperparameters) -> float:
    """Computes how much likelier the fitted covariance makes ``y`` than noise about an unknown constant does.

    The logarithm of a Bayes factor (Kass & Raftery, Bayes Factors, 1995), in nats, with the density at the
    most probable hyperparameters in the place of its integral over them: the prior counts against
    hyperparameters that it thinks unlikely. The noise alone has the variance of all values but the best, lest
    a value that stands out pass for noise. Fewer than three values tell nothing: 0. Otherwise minus infinity
    where all of ``y`` are equal, and infinity where all but the best are.

    Args:
        x: (n, d).
        y: (n,).
        categorical: (d,), which columns hold choices.
        hyperparameters: What ``fit`` found for these points.
    """
    x, y = _thinned(x, y)
    if len(y) < 3:
        return 0.0
    variance = float(np.delete(y, np.argmax(y)).var(ddof=1))
    if variance == 0.0:
        return np.inf if np.ptp(y) else -np.inf
    # The eigenvalues of variance I + MEAN_VARIANCE 1 1': one of the constant, the others of the noise.
    count, constant = len(y), variance + len(y) * MEAN_VARIANCE
    noise_alone = 0.5 * (
        count * float(y.var()) / variance
        + count * float(y.mean()) ** 2 / constant
        + (count - 1) * np.log(variance)
        + np.log(constant)
    )
    fitted, _ = negative_log_posterior(hyperparameters.theta, squared_differences(x, x, categorical), y)
    return float(noise_alone - fitted)


def _descend(start: Array, differences: Array, y: Array, mean: Array, std: Array) -> optimize.OptimizeResult:
    bounds = np.stack([mean - 4.0 * std, mean + 4.0 * std], axis=1)
    return optimize.minimize(
        negative_log_posterior,
        start,
        args=(differences, y),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 50, "ftol": 1e-6, "gtol": 1e-3},
    )


def _thinned(x: Array, y: Array) -> tuple[Array, Array]:
    if len(y) <= MAX_FIT_POINTS:
        return x, y
    order = np.argsort(-y, kind="stable")
    best, others = np.split(order, [MAX_FIT_POINTS // 2])
    even = np.linspace(0, len(others) - 1, MAX_FIT_POINTS - len(best)).astype(int)
    chosen = np.concatenate([best, np.sort(others)[even]])
    return x[chosen], y[chosen]


@dataclass(frozen=True)
class Posterior:
    """The objective given measurements.

    Attributes:
        x: (n, d), where it was measured.
        hyperparameters: The covariance's.
        categorical: (d,), which columns hold choices.
        factor: L of the notation.
        alpha: (n,).
    """

    x: Array
    hyperparameters: Hyperparameters
    categorical: Mask
    factor: Array
    alpha: Array

    @classmethod
    def given(
        cls, x: Array, y: Array, extra: Array, hyperparameters: Hyperparameters, categorical: Mask
    ) -> Posterior:
        """Conditions on ``y`` (n,) at ``x`` (n, d), each with ``extra`` (n,) noise variance."""
        scaled = scaled_distances(x, x, hyperparameters.weights, categorical)
        covariance = hyperparameters.signal * matern52(scaled) + MEAN_VARIANCE
        covariance[np.diag_indices(len(y))] += hyperparameters.noise + JITTER + extra
        factor = linalg.cholesky(covariance, lower=True, check_finite=False)
        alpha = linalg.cho_solve((factor, True), y, check_finite=False)
        return cls(x, hyperparameters, categorical, factor, alpha)

    def _cross(self, z: Array) -> Array:
        scaled = scaled_distances(self.x, z, self.hyperparameters.weights, self.categorical)
        return self.hyperparameters.signal * matern52(scaled) + MEAN_VARIANCE

    def _variance(self, reduction: Array) -> Array:
        # The variance left at a measured point is rounding error when noise is small.
        full = self.hyperparameters.signal + MEAN_VARIANCE
        return np.maximum(full - reduction, JITTER)

    def mean(self, z: Array) -> Array:
        """Predicts mu at ``z`` (m, d)."""
        return self._cross(z).T @ self.alpha

    def predict(self, z: Array) -> tuple[Array, Array]:
        """Predicts mu and var at ``z`` (m, d)."""
        cross = self._cross(z)
        half = linalg.solve_triangular(self.factor, cross, lower=True, check_finite=False)
        return cross.T @ self.alpha, self._variance(np.einsum("ij,ij->j", half, half))

    def predict_with_gradient(self, z: Array) -> tuple[Array, Array, Array, Array]:
        """Predicts mu (m,), var (m,) and their gradients by z (m, d), zero in the categorical columns."""
        signal, weights = self.hyperparameters.signal, self.hyperparameters.weights
        shape, slope = matern52_with_slope(scaled_distances(self.x, z, weights, self.categorical))
        cross = signal * shape + MEAN_VARIANCE
        solved = linalg.cho_solve((self.factor, True), cross, check_finite=False)
        mean_pull = signal * slope * self.alpha[:, None]
        var_pull = -2.0 * signal * slope * solved
        scale = np.where(self.categorical, 0.0, 2.0 * weights)
        return (
            cross.T @ self.alpha,
            self._variance(np.einsum("ij,ij->j", cross, solved)),
            scale * self._pulled(z, mean_pull),
            scale * self._pulled(z, var_pull),
        )

    def _pulled(self, z: Array, pull: Array) -> Array:
        # sum_i pull_ij (z_j - x_i), without an array of (n, m, d).
        return np.asarray(z * pull.sum(axis=0)[:, None] - pull.T @ self.x)
