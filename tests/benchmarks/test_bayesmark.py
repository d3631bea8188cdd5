"""How our searchers answer bayesmark, which itself is not installed here."""

import math

import pytest

from benchmarks.suggest.bayesmark import Optimizer, space_of
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Double, Integer

CONFIG = {
    "alpha": {"type": "real", "space": "log", "range": (1e-2, 1e2)},
    "beta": {"type": "real", "space": "logit", "range": (0.1, 0.9)},
    "depth": {"type": "int", "space": "linear", "range": (1, 15)},
    "positive": {"type": "bool"},
}


def test_a_search_space_is_what_a_job_file_would_have():
    alpha, beta, depth, positive = space_of(CONFIG)
    assert alpha == Double("alpha", 1e-2, 1e2, Scale.LOG)
    assert beta == Double("beta", 0.1, 0.9, Scale.LINEAR)
    assert depth == Integer("depth", 1, 15, Scale.LINEAR)
    assert positive == Categorical("positive", ("false", "true"))


@pytest.mark.parametrize("searcher", ["hptune", "random", "Optuna TPE"])
def test_suggestions_are_of_the_tasks_types_whatever_fails(searcher):
    optimizer = Optimizer(CONFIG, searcher, seed=0)
    seen = set()
    for trial in range(12):
        [point] = optimizer.suggest(1)
        assert 1e-2 <= point["alpha"] <= 1e2
        assert type(point["depth"]) is int
        assert 1 <= point["depth"] <= 15
        assert type(point["positive"]) is bool
        seen.add(point["alpha"])
        optimizer.observe([point], [math.inf if trial % 4 == 1 else point["alpha"]])
    assert len(seen) == 12
    assert optimizer.error is None
