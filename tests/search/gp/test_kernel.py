import math

import numpy as np
import pytest

from hptune.search.gp.kernel import matern52, matern52_with_slope, scaled_distances, squared_differences

CATEGORICAL = np.array([False, False, True])
X = np.array([[0.1, 0.5, 0.0], [0.9, 0.2, 2.0], [0.4, 0.4, 2.0]])


def test_matern_follows_its_formula():
    r = math.sqrt(5 * 0.3)
    assert matern52(np.array(0.3)) == pytest.approx((1 + r + r**2 / 3) * math.exp(-r))
    assert matern52(np.array(0.0)) == 1.0


def test_slope_is_the_derivative_and_finite_at_zero():
    scaled = np.array([0.01, 0.2, 1.0, 7.0])
    numeric = (matern52(scaled + 1e-6) - matern52(scaled - 1e-6)) / 2e-6
    np.testing.assert_allclose(matern52_with_slope(scaled)[1], numeric, rtol=1e-6)
    assert np.isfinite(matern52_with_slope(np.zeros(1))[1]).all()


def test_choices_are_equally_far_from_each_other():
    squared = squared_differences(X, X, CATEGORICAL)
    assert squared[2].tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
    np.testing.assert_allclose(squared[0, 0], [0.0, 0.64, 0.09])


def test_scaled_distances_are_the_weighted_sum():
    weights = np.array([2.0, 0.5, 3.0])
    squared = squared_differences(X, X[:2], CATEGORICAL)
    np.testing.assert_allclose(
        scaled_distances(X, X[:2], weights, CATEGORICAL), np.tensordot(weights, squared, 1)
    )
