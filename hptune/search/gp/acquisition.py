"""Log expected improvement, stable where the improvement is next to impossible.

Notation:

    mu, var  (m,)  posterior mean and variance
    best           the value to improve on
    z        (m,)  (mu - best) / sqrt(var)
    h(z)           pdf(z) + z cdf(z), so the expected improvement is sqrt(var) h(z)

The logarithm follows Ament, Daulton, Eriksson, Balandat & Bakshy, Unexpected Improvements to Expected
Improvement for Bayesian Optimization (2023), eq. 9: plain EI underflows to a plateau of zeros over most of
the cube, where its logarithm still tells the search where to go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from hptune.search.gp.kernel import Array
from hptune.search.gp.regression import Posterior

_LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
_LOG_SQRT_HALF_PI = 0.5 * np.log(0.5 * np.pi)
_ASYMPTOTIC = -1e4


def log_h(z: Array) -> Array:
    """Computes log(pdf(z) + z cdf(z)), for any finite z."""
    near, far = np.maximum(z, -1.0), np.minimum(z, -1.0)
    direct = np.log(np.exp(-0.5 * near * near - _LOG_SQRT_2PI) + near * special.ndtr(near))
    # log(cdf / pdf * -z), which goes to 0 as -1 / z**2: beyond the bound only that limit has digits left.
    below = -np.maximum(far, _ASYMPTOTIC)
    ratio = np.log(special.erfcx(below / np.sqrt(2.0)) * below)
    exact = np.log(-np.expm1(np.minimum(ratio + _LOG_SQRT_HALF_PI, -1e-16)))
    tail = np.where(far > _ASYMPTOTIC, exact, -2.0 * np.log(-far))
    return np.asarray(np.where(z > -1.0, direct, -0.5 * far * far - _LOG_SQRT_2PI + tail))


@dataclass(frozen=True)
class LogExpectedImprovement:
    """Log of the improvement over ``best`` that a point promises.

    Attributes:
        posterior: Of the objective.
        best: The value to improve on, in the posterior's units.
    """

    posterior: Posterior
    best: float

    def __call__(self, z: Array) -> Array:
        """Computes the log expected improvement at ``z`` (m, d)."""
        mean, var = self.posterior.predict(z)
        return 0.5 * np.log(var) + log_h((mean - self.best) / np.sqrt(var))

    def with_gradient(self, z: Array) -> tuple[Array, Array]:
        """Computes the log expected improvement at ``z`` (m, d) and its gradient (m, d)."""
        mean, var, mean_slope, var_slope = self.posterior.predict_with_gradient(z)
        std = np.sqrt(var)
        margin = (mean - self.best) / std
        value = log_h(margin)
        slope = np.exp(special.log_ndtr(margin) - value)
        by_mean = slope / std
        by_var = 0.5 / var * (1.0 - slope * margin)
        return 0.5 * np.log(var) + value, by_mean[:, None] * mean_slope + by_var[:, None] * var_slope
