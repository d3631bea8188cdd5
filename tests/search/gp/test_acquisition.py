import numpy as np
import pytest
from scipy import integrate, stats

from hptune.search.gp.acquisition import LogExpectedImprovement, log_h
from hptune.search.gp.regression import Hyperparameters, Posterior


@pytest.mark.parametrize("z", [-6.0, -2.0, -1.0, -0.3, 0.0, 1.5, 4.0])
def test_log_h_is_the_log_of_the_expected_improvement(z):
    expected, _ = integrate.quad(lambda t: (t + z) * stats.norm.pdf(t), -z, np.inf, epsabs=0.0)
    assert log_h(np.array([z]))[0] == pytest.approx(np.log(expected), rel=1e-6)


def test_log_h_is_finite_and_rises_everywhere():
    z = np.concatenate([-np.logspace(9, -3, 400), [0.0], np.logspace(-3, 3, 200)])
    value = log_h(z)
    assert np.isfinite(value).all()
    assert (np.diff(value) > 0).all()


def test_branches_meet():
    for bound in (-1.0, -1e4):
        left, right = log_h(np.array([bound * (1 + 1e-9), bound * (1 - 1e-9)]))
        assert left == pytest.approx(right, rel=1e-7)


@pytest.mark.parametrize("best", [-1.0, 0.5, 30.0])
def test_gradient_matches_finite_differences(best):
    rng = np.random.default_rng(0)
    x, z = rng.uniform(size=(6, 2)), rng.uniform(size=(5, 2))
    h = Hyperparameters(np.array([0.4, 0.9]), 1.2, 0.01)
    posterior = Posterior.given(x, np.cos(3 * x[:, 0]), np.zeros(6), h, np.array([False, False]))
    acquisition = LogExpectedImprovement(posterior, best)
    value, gradient = acquisition.with_gradient(z)
    np.testing.assert_allclose(value, acquisition(z), rtol=1e-8)
    for column in range(2):
        step = np.zeros(2)
        step[column] = 1e-6
        numeric = (acquisition(z + step) - acquisition(z - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, column], numeric, rtol=1e-4, atol=1e-4)
