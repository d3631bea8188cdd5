import time

import numpy as np
import pytest

from hptune.search.gp.bandit import History, suggest
from hptune.search.gp.cube import Axis, Cube

SQUARE = Cube((Axis(), Axis()))
NONE = np.empty((0, 2))


def history(x=NONE, values=(), failed=NONE, pending=NONE):
    return History(np.asarray(x), np.asarray(values, dtype=float), np.asarray(failed), np.asarray(pending))


def rng():
    return np.random.default_rng(0)


def test_starts_in_the_middle_then_keeps_away_from_what_was_tried():
    first = suggest(SQUARE, history(), 3, rng())
    assert first.tolist() == [0.5, 0.5]
    second = suggest(SQUARE, history(pending=[first]), 3, rng())
    third = suggest(SQUARE, history(pending=[first, second]), 3, rng())
    assert np.abs(second - first).max() > 0.2
    assert min(np.abs(third - first).max(), np.abs(third - second).max()) > 0.2


def test_closes_in_on_the_optimum_of_a_smooth_function():
    x, values = NONE, []
    for _ in range(15):
        point = suggest(SQUARE, history(x, values), 3, rng())
        x, values = np.vstack([x, point]), [*values, -np.square(point - [0.23, 0.71]).sum()]
    assert max(values) > -1e-3


def test_a_pending_trial_moves_the_next_suggestion_elsewhere():
    x = np.random.default_rng(1).uniform(size=(6, 2))
    values = -np.square(x - 0.3).sum(axis=1)
    first = suggest(SQUARE, history(x, values), 3, rng())
    second = suggest(SQUARE, history(x, values, pending=[first]), 3, rng())
    assert np.abs(second - first).max() > 0.02


def test_failures_keep_the_search_away_from_where_they_happen():
    x = np.array([[0.2, 0.5], [0.4, 0.5], [0.6, 0.5]])
    values = [0.0, 1.0, 2.0]
    bold = suggest(SQUARE, history(x, values), 3, rng())
    careful = suggest(
        SQUARE, history(x, values, failed=[[0.75, 0.4], [0.8, 0.5], [0.75, 0.6], [0.95, 0.5]]), 3, rng()
    )
    assert bold[0] > 0.65
    assert careful[0] < 0.65


def test_only_failures_still_spread_out():
    failed = np.array([[0.5, 0.5], [0.2, 0.2], [0.8, 0.2], [0.2, 0.8]])
    point = suggest(SQUARE, history(failed=failed), 3, rng())
    assert np.abs(failed - point).max(axis=1).min() > 0.2


CORNERED = Cube((Axis(),) * 5)


def plateau(point, noise):
    """A hill in a corner of two of five parameters, on a tenth of the space; all else is noise of 0.1 %."""
    distance = np.linalg.norm(point[:2] - [0.1, 0.95])
    return max(0.0, 1.0 - (distance / 0.3) ** 2) + 1e-3 * noise.standard_normal()


def reached(choose, seed):
    """How high 30 trials get."""
    noise, x, values = np.random.default_rng([seed, 1]), np.empty((0, 5)), []
    for _ in range(30):
        point = choose(x, values, np.random.default_rng([seed, len(values)]))
        x, values = np.vstack([x, point]), [*values, plateau(point, noise)]
    return max(values)


def test_a_plateau_of_noise_is_always_left_and_its_hill_climbed():
    def bandit(x, values, draws):
        none = np.empty((0, 5))
        return suggest(CORNERED, History(x, np.array(values, dtype=float), none, none), 3, draws)

    def at_random(x, _, draws):
        return draws.uniform(size=x.shape[1])

    ours = [reached(bandit, seed) for seed in range(10)]
    others = [reached(at_random, seed) for seed in range(10)]
    assert min(ours) > 0.7
    assert np.median(ours) > 0.98 > np.median(others)


def test_equal_objectives_still_spread_out_and_to_the_edges():
    x = NONE
    for _ in range(20):
        x = np.vstack(
            [x, suggest(SQUARE, history(x, np.full(len(x), 0.1)), 3, np.random.default_rng(len(x)))]
        )
    apart = np.abs(x[:, None] - x[None, :]).max(axis=2) + np.eye(20)
    assert apart.min() > 0.08
    assert x.min() == 0.0
    assert x.max() == 1.0


@pytest.mark.parametrize("dim", [2, 8])
def test_thousand_trials_take_less_than_two_seconds(dim):
    x = np.random.default_rng(0).uniform(size=(1000, dim))
    empty = np.empty((0, dim))
    start = time.process_time()
    point = suggest(
        Cube((Axis(),) * dim), History(x, -np.square(x - 0.4).sum(axis=1), empty, empty), 3, rng()
    )
    assert time.process_time() - start < 2.0
    assert not (x == point).all(axis=1).any()
