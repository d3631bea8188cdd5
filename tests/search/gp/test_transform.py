import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hptune.search.gp.transform import Warp


def warp(values):
    return Warp.of(values)(values)


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=100)
@given(st.lists(finite, min_size=1, max_size=30))
@example([0.0, 1.0, 1.0, 0.5, -8.988465674311577e307])
def test_order_is_kept_and_everything_stays_finite(values):
    v = np.array(values)
    y = warp(v)
    assert np.isfinite(y).all()
    assert (np.diff(y[np.argsort(v, kind="stable")]) >= 0).all()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30, unique=True))
def test_different_values_stay_different(values):
    v = np.sort(np.array(values, dtype=float))
    assert (np.diff(warp(v)) > 0).all()


def test_result_is_standardised():
    y = warp(np.array([3.0, 4.0, 7.0, -2.0, 5.5]))
    assert y.mean() == pytest.approx(0.0, abs=1e-12)
    assert y.std() == pytest.approx(1.0)


def test_equal_values_are_all_zero():
    assert warp(np.full(4, 0.98)).tolist() == [0.0] * 4
    assert warp(np.zeros(1)).tolist() == [0.0]


def test_a_collapsed_trial_leaves_the_good_ones_apart():
    good = np.array([0.980, 0.981, 0.982, 0.983, 0.984])
    y = warp(np.append(good, 0.1))
    assert y[4] - y[0] > 0.5
    plain = np.append(good, 0.1)
    assert (plain[4] - plain[0]) / plain.std() < 0.02


def test_scale_and_offset_of_the_objective_do_not_matter():
    v = np.array([1.0, 2.0, 4.0, 3.5, -9.0])
    np.testing.assert_allclose(warp(v), warp(1e-6 * v + 3.0), rtol=1e-6)


def test_a_noisy_cluster_at_the_top_does_not_swallow_the_rest():
    cluster = 0.9 + 1e-4 * np.sin(np.arange(20.0))
    y = warp(np.concatenate([cluster, np.linspace(0.2, 0.8, 13)]))
    assert y[:20].std() < 0.05
    np.testing.assert_allclose(y[20:].max() - y[20:].min(), y[20:].std() * np.sqrt(12), rtol=0.3)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
def test_the_way_back_leads_to_the_objectives(values):
    v = np.array(values, dtype=float)
    back = Warp.of(v).inverse(warp(v))
    spread = np.ptp(v) or abs(v[0]) or 1.0
    np.testing.assert_allclose(back, v, atol=1e-6 * spread)


def test_the_way_back_of_a_hopeless_prediction_is_as_bad_as_can_be():
    back = Warp.of(np.array([0.9, 0.95, 0.97, 0.1])).inverse(np.array([-1e9, 0.0]))
    assert back[0] < -1e100
    assert 0.1 < back[1] < 0.97
