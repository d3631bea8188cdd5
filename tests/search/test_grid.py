import optuna
from hypothesis import given, settings
from hypothesis import strategies as st

from hptune.search.encoding import distributions
from hptune.search.grid import GridSearchSampler, grid_size
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Integer, SearchSpace

optuna.logging.set_verbosity(optuna.logging.ERROR)


def visit(sampler, space, count):
    study = optuna.create_study(sampler=sampler)
    for _ in range(count):
        study.tell(study.ask(distributions(space)), 0.0)
    return [trial.params for trial in study.trials]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(0, 99))
def test_any_grid_is_visited_whole_from_any_seed(sizes, seed):
    space = SearchSpace(tuple(Integer(f"p{i}", 1, size) for i, size in enumerate(sizes)))
    sampler = GridSearchSampler(space, seed=seed)
    searched = sampler.infer_relative_search_space(None, None)
    points = set()
    for number in range(grid_size(space)):
        trial = optuna.trial.create_trial(value=0.0)
        trial.number = number
        points.add(tuple(sampler.sample_relative(None, trial, searched).items()))
    assert len(points) == grid_size(space)


def test_grid_search_visits_every_point_once():
    space = SearchSpace((Integer("a", 1, 4), Discrete("b", (0.5, 2.0)), Categorical("c", ("x", "y", "z"))))
    drawn = visit(GridSearchSampler(space, seed=7), space, grid_size(space))
    assert grid_size(space) == 24
    assert len({tuple(params.items()) for params in drawn}) == 24
    assert all(space.contains(params) for params in drawn)


def test_a_grid_too_large_is_thinned_evenly_on_its_scales_to_the_budget():
    space = SearchSpace(
        (Integer("units", 1, 10**4, Scale.LOG), Integer("epochs", 1, 100), Categorical("c", ("x", "y")))
    )
    assert grid_size(space, max_trials=20) == 2 * 3 * 3
    drawn = visit(GridSearchSampler(space, seed=0, max_trials=20), space, 18)
    assert {params["units"] for params in drawn} == {1, 100, 10**4}
    assert {params["epochs"] for params in drawn} == {1, 50, 100}
    assert grid_size(SearchSpace((Integer("n", 1, 9000),)), max_trials=20) == 9000
    assert grid_size(SearchSpace((Integer("n", 1, 10**6),))) == 10_000


def test_grid_resumes_where_it_stopped():
    space = SearchSpace((Integer("a", 1, 4), Categorical("c", ("x", "y", "z"))))
    whole = visit(GridSearchSampler(space, seed=1), space, 12)
    study = optuna.create_study()
    for _ in range(12):
        study.sampler = GridSearchSampler(space, seed=1)
        study.tell(study.ask(distributions(space)), 0.0)
    assert [trial.params for trial in study.trials] == whole
