"""Which of many points the posterior is conditioned on."""

import numpy as np

from hptune.search.gp import bandit
from hptune.search.gp.cube import Axis, Cube
from hptune.search.gp.thinning import most_telling

NO_CHOICES = np.array([False, False])
WEIGHTS = np.ones(2)


def test_few_points_are_all_kept_in_their_order():
    x = np.random.default_rng(0).uniform(size=(20, 2))
    assert most_telling(x, x[:, 0], WEIGHTS, NO_CHOICES, 20).tolist() == list(range(20))


def test_the_best_are_kept_and_no_region_is_forgotten():
    rng = np.random.default_rng(0)
    # All but a few points lie in one corner, where the best are.
    x = np.concatenate([rng.uniform(0.0, 0.2, size=(500, 2)), rng.uniform(0.8, 1.0, size=(5, 2))])
    y = -np.square(x).sum(axis=1)
    kept = most_telling(x, y, WEIGHTS, NO_CHOICES, 40)
    assert len(set(kept.tolist())) == 40
    assert set(np.argsort(-y)[:20].tolist()) <= set(kept.tolist())
    nearest = np.sqrt(np.square(x[:, None] - x[kept][None]).sum(axis=2).min(axis=1))
    assert nearest.max() < 0.1


def test_points_that_lie_on_one_another_are_kept_once_each():
    x = np.zeros((30, 2))
    assert len(set(most_telling(x, np.zeros(30), WEIGHTS, NO_CHOICES, 10).tolist())) == 10


def test_a_suggestion_after_many_trials_is_near_the_best(monkeypatch):
    monkeypatch.setattr(bandit, "MAX_POINTS", 60)
    rng = np.random.default_rng(0)
    x, none = rng.uniform(size=(1000, 2)), np.empty((0, 2))
    history = bandit.History(x, -np.square(x - 0.3).sum(axis=1), none, none)
    cube = Cube((Axis(), Axis()))
    assert np.abs(bandit.suggest(cube, history, 3, rng) - 0.3).max() < 0.1
    posterior, _ = bandit.believe(cube, history)
    assert len(posterior.x) == 60
