"""From objectives as measured to what a Gaussian process can model.

Notation:

    v (n,)  objectives as measured, finite, larger is better
    y (n,)  the same order, outliers tamed, zero mean and unit variance
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hptune.search.gp.kernel import Array

TAIL = 1.0  # in spreads below the median
_MAX_EXPONENT = 300.0


@dataclass(frozen=True)
class Warp:
    """The map from v to y that some objectives ask for.

    Attributes:
        largest: Magnitude of the largest v, by which all are divided first, lest sums overflow.
        median: Of v, so divided.
        spread: Of the better half, so divided.
        mean: Of the warped values, before they are standardised.
        std: Of the same; 0 where all v are equal.
    """

    largest: float
    median: float
    spread: float
    mean: float
    std: float

    @classmethod
    def of(cls, values: Array) -> Warp:
        """Fits the map to v.

        What is a tail is measured in the better half's spread, as in the half-rank warping of the Vizier
        Gaussian Process Bandit Algorithm (Song et al. 2024). Unlike ranks, the logarithm keeps the shape of
        a smooth objective, which matters with few points.
        """
        largest, median, spread = _centre_and_spread(values)
        raw = cls(largest, median, spread, 0.0, 1.0 if spread else 0.0)
        bent = raw(values)
        return replace(raw, mean=float(bent.mean()), std=float(bent.std()))

    def __call__(self, values: Array) -> Array:
        """Computes y: keeps the order, and distances but in the bad tail, of which it takes the logarithm."""
        if self.std == 0.0:
            return np.zeros(len(values))
        centred = values / self.largest - self.median
        # A penalty such as -1e308 may be too many spreads away for a float.
        with np.errstate(over="ignore"):
            spreads = np.maximum(centred / self.spread, -np.finfo(np.float64).max)
        below = np.maximum(-spreads, 0.0)
        compressed = np.minimum(below, TAIL) + np.log1p(np.maximum(below - TAIL, 0.0))
        return np.asarray((np.where(centred < 0.0, -compressed, spreads) - self.mean) / self.std)

    def inverse(self, y: Array) -> Array:
        """Computes v of y, of any shape; the median of v where all v are equal."""
        bent = y * self.std + self.mean
        tail = np.maximum(-bent - TAIL, 0.0)
        # Beyond what a float holds a value is as bad as can be, and no infinity.
        stretched = np.expm1(np.minimum(tail, _MAX_EXPONENT))
        spreads = np.where(tail > 0.0, -TAIL - stretched, bent)
        with np.errstate(over="ignore"):
            return np.asarray((spreads * self.spread + self.median) * self.largest)


def _centre_and_spread(values: Array) -> tuple[float, float, float]:
    """Returns largest magnitude, median and the spread of the better half, the two divided by the first.

    Late in a search the better half lies about the optimum and its spread is noise; the median distance of
    the worse half then stands in, lest all else become tail.
    """
    largest = float(np.abs(values).max())
    if largest == 0.0:
        return 1.0, 0.0, 0.0
    scaled = values / largest
    median = np.median(scaled)
    centred = scaled - median
    better = centred[centred >= 0.0]
    worse = -centred[centred <= 0.0]
    spread = max(np.sqrt(np.mean(better**2)), np.median(worse)) or np.sqrt(np.mean(centred**2))
    return largest, float(median), float(spread)
