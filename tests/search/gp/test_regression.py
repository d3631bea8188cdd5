import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from hptune.search.gp import regression
from hptune.search.gp.kernel import matern52, scaled_distances, squared_differences
from hptune.search.gp.regression import JITTER, MEAN_VARIANCE, Hyperparameters, Posterior

CATEGORICAL = np.array([False, False, True])


def points(count, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(size=(count, 2)), rng.integers(3, size=count)])


def smooth(x):
    return np.sin(4 * x[:, 0]) + x[:, 1] ** 2 + 0.5 * x[:, 2]


@pytest.mark.parametrize("seed", range(5))
def test_gradient_of_the_log_posterior_matches_finite_differences(seed):
    x = points(9, seed)
    differences = squared_differences(x, x, CATEGORICAL)
    rng = np.random.default_rng(seed)
    theta = rng.normal(scale=0.7, size=5) - np.array([0, 0, 0, 0, 2])
    y = rng.normal(size=9)

    def value(t):
        return regression.negative_log_posterior(t, differences, y)[0]

    _, gradient = regression.negative_log_posterior(theta, differences, y)
    np.testing.assert_allclose(gradient, approx_fprime(theta, value, 1e-7), rtol=1e-4, atol=1e-4)


def test_posterior_matches_the_dense_formula():
    x, z = points(8), points(5, seed=1)
    y = smooth(x)
    extra = np.linspace(0.0, 0.3, 8)
    h = Hyperparameters(np.array([0.3, 0.8, 1.1]), 1.7, 0.02)

    def covariance(a, b):
        return h.signal * matern52(scaled_distances(a, b, h.weights, CATEGORICAL)) + MEAN_VARIANCE

    inverse = np.linalg.inv(covariance(x, x) + np.diag(h.noise + JITTER + extra))
    cross = covariance(x, z)
    mean, var = Posterior.given(x, y, extra, h, CATEGORICAL).predict(z)
    np.testing.assert_allclose(mean, cross.T @ inverse @ y)
    np.testing.assert_allclose(var, np.diag(covariance(z, z) - cross.T @ inverse @ cross), rtol=1e-6)


def test_gradient_of_the_posterior_matches_finite_differences():
    x, z = points(8), points(4, seed=1)
    h = Hyperparameters(np.array([0.3, 0.8, 1.1]), 1.7, 0.02)
    posterior = Posterior.given(x, smooth(x), np.zeros(8), h, CATEGORICAL)
    mean, var, mean_slope, var_slope = posterior.predict_with_gradient(z)
    np.testing.assert_allclose((mean, var), posterior.predict(z))
    for column in range(2):
        step = np.zeros(3)
        step[column] = 1e-6
        above, below = posterior.predict(z + step), posterior.predict(z - step)
        np.testing.assert_allclose(mean_slope[:, column], (above[0] - below[0]) / 2e-6, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(var_slope[:, column], (above[1] - below[1]) / 2e-6, rtol=1e-4, atol=1e-7)
    assert not mean_slope[:, 2].any()
    assert not var_slope[:, 2].any()


def test_fit_predicts_points_it_has_not_seen():
    x, unseen = points(30), points(50, seed=1)
    scale = smooth(x).std()
    y = (smooth(x) - smooth(x).mean()) / scale
    posterior = Posterior.given(x, y, np.zeros(30), regression.fit(x, y, CATEGORICAL), CATEGORICAL)
    mean, _ = posterior.predict(unseen)
    error = mean - (smooth(unseen) - smooth(x).mean()) / scale
    assert np.sqrt(np.mean(error**2)) < 0.15


def test_fit_tells_a_parameter_that_matters_from_one_that_does_not():
    x = np.random.default_rng(0).uniform(size=(25, 2))
    y = np.sin(6 * x[:, 0])
    lengthscales = regression.fit(x, y - y.mean(), np.array([False, False])).lengthscales
    assert lengthscales[1] > 3 * lengthscales[0]


def test_fit_finds_the_noise_within_a_factor_of_two():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(60, 1))
    y = np.sin(5 * x[:, 0]) + rng.normal(scale=0.3, size=60)
    noise = regression.fit(x, y, np.array([False])).noise
    assert 0.045 < noise < 0.18


@pytest.mark.parametrize("count", [1, 2, 7])
def test_duplicates_and_constants_are_survived(count):
    x = np.full((count, 2), 0.5)
    y = np.zeros(count)
    categorical = np.array([False, False])
    hyperparameters = regression.fit(x, y, categorical)
    mean, var = Posterior.given(x, y, np.zeros(count), hyperparameters, categorical).predict(x)
    assert np.isfinite(mean).all()
    assert (var > 0).all()


def test_thousand_points_keep_the_best_in_the_fit():
    x = np.random.default_rng(0).uniform(size=(1000, 2))
    y = -np.square(x - 0.3).sum(axis=1)
    y = (y - y.mean()) / y.std()
    categorical = np.array([False, False])
    hyperparameters = regression.fit(x, y, categorical)
    mean, _ = Posterior.given(x, y, np.zeros(1000), hyperparameters, categorical).predict(x[:50])
    np.testing.assert_allclose(mean, y[:50], atol=0.05)


def test_evidence_matches_the_dense_formula():
    x = points(8)
    y = smooth(x)
    h = Hyperparameters(np.array([0.3, 0.8, 1.1]), 1.7, 0.02)
    variance = np.sort(y)[:-1].var(ddof=1)
    alone = multivariate_normal(np.zeros(8), MEAN_VARIANCE + variance * np.eye(8)).logpdf(y)
    fitted, _ = regression.negative_log_posterior(h.theta, squared_differences(x, x, CATEGORICAL), y)
    expected = -fitted - (alone + 4 * np.log(2 * np.pi))
    np.testing.assert_allclose(regression.evidence(x, y, CATEGORICAL, h), expected)


@pytest.mark.parametrize("count", [20, 300])
def test_evidence_tells_a_smooth_objective_from_noise(count):
    x = points(count)
    signal, noise = smooth(x), np.random.default_rng(0).normal(size=count)

    def evidence(y):
        y = (y - y.mean()) / y.std()
        return regression.evidence(x, y, CATEGORICAL, regression.fit(x, y, CATEGORICAL))

    assert evidence(signal) > 10
    assert evidence(noise) < 0
    assert evidence(signal + 0.2 * signal.std() * noise) > 0


def test_equal_values_are_noise_alone_and_one_that_is_better_is_none():
    x, equal, better = points(5), np.zeros(5), np.array([-0.5, -0.5, 2.0, -0.5, -0.5])
    assert regression.evidence(x, equal, CATEGORICAL, regression.fit(x, equal, CATEGORICAL)) == -np.inf
    assert regression.evidence(x, better, CATEGORICAL, regression.fit(x, better, CATEGORICAL)) == np.inf


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_values_are_evidence_of_nothing(count):
    h = Hyperparameters(np.array([0.3, 0.8, 1.1]), 1.7, 0.02)
    assert regression.evidence(points(count), np.zeros(count), CATEGORICAL, h) == 0.0


def test_a_value_that_stands_out_is_no_noise():
    x = points(12)
    y = np.random.default_rng(0).normal(size=12)
    out = np.append(y[1:], 20.0)
    found = [
        regression.evidence(x, each, CATEGORICAL, regression.fit(x, each, CATEGORICAL)) for each in (y, out)
    ]
    assert found[0] < 0
    assert found[1] > 50
