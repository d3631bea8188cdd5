import math
import pickle
import time

import numpy as np
import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from scipy import stats

from hptune.errors import InputError
from hptune.search.bandit import GPBanditSampler
from hptune.search.encoding import distributions
from hptune.search.grid import grid_size
from hptune.search.random import RandomSearchSampler
from hptune.search.samplers import make_sampler
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, SearchSpace

optuna.logging.set_verbosity(optuna.logging.ERROR)

quick = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
scales = st.sampled_from(Scale)
MNIST = SearchSpace((Double("lr", 0.001, 0.1, Scale.LOG), Integer("num-steps", 200, 10000)))
MIXED = SearchSpace(
    (
        Double("momentum", 0.5, 0.999, Scale.REVERSE_LOG),
        Integer("layers", 1, 4),
        Discrete("batch", (32.0, 64.0, 256.0), Scale.LOG),
        Categorical("optimizer", ("adam", "sgd", "64,16")),
    )
)
MINIMIZE = StudyDirection.MINIMIZE


@st.composite
def parameters(draw, name):
    kind = draw(st.sampled_from(["double", "integer", "discrete", "categorical"]))
    if kind == "categorical":
        return Categorical(
            name, tuple(draw(st.lists(st.text(max_size=3), min_size=1, max_size=4, unique=True)))
        )
    positive = st.floats(1e-6, 1e6)
    if kind == "discrete":
        return Discrete(
            name, tuple(sorted(draw(st.lists(positive, min_size=1, max_size=5, unique=True)))), draw(scales)
        )
    low, high = sorted(draw(st.tuples(positive, positive)))
    if kind == "double":
        return Double(name, low, high, draw(scales))
    return Integer(name, math.ceil(low), math.ceil(low) + draw(st.integers(0, 10**5)), draw(scales))


@st.composite
def spaces(draw):
    return SearchSpace(tuple(draw(parameters(f"p{i}")) for i in range(draw(st.integers(1, 4)))))


@st.composite
def histories(draw, space):
    """Trials in every state, with every kind of objective."""
    values = (
        st.sampled_from([0.0, 1.0, -3.5, 1e300, -1e300, math.inf, -math.inf, math.nan, 5e-324]) | st.floats()
    )
    trials = []
    for _ in range(draw(st.integers(0, 8))):
        params = {p.name: p.from_unit(draw(st.floats(0, 1))) for p in space}
        state = draw(
            st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING])
        )
        value = draw(values)
        if state is TrialState.COMPLETE and math.isnan(value):
            state = TrialState.FAIL
        trial = create_trial(
            state=state,
            value=value if state is TrialState.COMPLETE else None,
            params=params,
            distributions=distributions(space),
            intermediate_values={3: value} if state is TrialState.PRUNED else None,
        )
        trial.number = len(trials)
        trials += [trial] * draw(st.integers(1, 2))
    return trials


def suggest(sampler, space, trials, number=50):
    searched = {name: d for name, d in distributions(space).items() if not d.single()}
    values = sampler.suggest(trials, number=number, direction=MINIMIZE, search_space=searched)
    return {p.name: values.get(p.name, p.from_unit(0.5)) for p in space}


def ask_all(sampler, objective, count, space=MNIST, direction="minimize"):
    """Runs a study by ask and tell and returns the parameters of its trials."""
    study = optuna.create_study(sampler=sampler, direction=direction)
    for _ in range(count):
        trial = study.ask(distributions(space))
        study.tell(trial, objective(trial.params))
    return [trial.params for trial in study.trials]


def ridge(params):
    """Error of a classifier: a valley in the learning rate, a plateau in the steps."""
    return 0.02 * math.log10(params["lr"] / 0.0149) ** 2 + 0.03 * math.exp(-params["num-steps"] / 1500)


def mixed(params):
    bonus = {"adam": 0.0, "sgd": 0.3, "64,16": 0.6}[params["optimizer"]]
    return bonus + (params["layers"] - 3) ** 2 + 20 * (params["momentum"] - 0.9) ** 2


@quick
@given(st.data())
def test_any_history_leads_to_a_suggestion_inside_the_space(data):
    space = data.draw(spaces().filter(lambda s: not all(d.single() for d in distributions(s).values())))
    trials = data.draw(histories(space))
    values = suggest(GPBanditSampler(seed=1, space=space), space, trials)
    assert space.contains(values)
    assert all(isinstance(values[p.name], int) for p in space if isinstance(p, Integer))
    assert values == suggest(GPBanditSampler(seed=1, space=space), space, trials)


@quick
@given(st.data())
def test_suggestions_are_distinct_while_untried_points_remain(data):
    axes = st.sampled_from(
        [Integer("a", 1, 5, Scale.LOG), Discrete("b", (0.1, 0.2, 5.0)), Categorical("c", ("x", "y"))]
    )
    space = SearchSpace(tuple(data.draw(st.lists(axes, min_size=1, max_size=2, unique=True))))
    count = grid_size(space)
    outcomes = data.draw(st.lists(st.none() | st.floats(-1, 1), min_size=count, max_size=count))
    study = optuna.create_study(sampler=GPBanditSampler(seed=0, space=space))
    for outcome in outcomes:
        study.tell(study.ask(distributions(space)), outcome, None if outcome is not None else TrialState.FAIL)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == count


@quick
@given(st.data())
def test_optuna_distributions_are_kept_to(data):
    step = data.draw(st.sampled_from([0.1, 0.25, 3.0]))
    count = data.draw(st.integers(1, 30))
    space = {
        "stepped": FloatDistribution(0.3, round(0.3 + step * count, 6), step=step),
        "even": IntDistribution(2, 2 + 2 * count, step=2),
        "log": IntDistribution(1, 10**6, log=True),
        "choice": CategoricalDistribution([None, True, 3, "x"]),
    }
    trials = [
        create_trial(
            params={"stepped": 0.3, "even": 2, "log": 7, "choice": None}, distributions=space, value=v
        )
        for v in data.draw(st.lists(st.floats(-1, 1), max_size=4))
    ]
    sampler = GPBanditSampler(seed=data.draw(st.integers(0, 5)))
    values = sampler.suggest(trials, number=9, direction=MINIMIZE, search_space=space)
    create_trial(params=values, distributions=space, value=0.0)
    assert all(d._contains(d.to_internal_repr(values[name])) for name, d in space.items())


def test_wide_ranges_are_survived():
    space = SearchSpace(
        (Double("a", -1e308, 1e308), Double("b", 1e-300, 1e300, Scale.LOG), Integer("c", 0, 2**62))
    )
    for params in ask_all(GPBanditSampler(seed=0, space=space), lambda p: math.log(p["b"]), 6, space):
        assert space.contains(params)


def test_beats_random_search_on_fixed_functions_and_seeds():
    assert p_value(GPBanditSampler) < 1e-3


def test_the_statistic_does_not_prefer_random_search_to_itself():
    assert p_value(lambda seed, space: RandomSearchSampler(space, seed=seed + 1000)) > 0.05


def p_value(make):
    """Of the hypothesis that ``make``'s sampler finds in 14 trials no better points than random search."""
    ours, random = [], []
    for objective, space in ((ridge, MNIST), (mixed, MIXED)):
        for seed in range(8):
            ours.append(min(map(objective, ask_all(make(seed=seed, space=space), objective, 14, space))))
            baseline = RandomSearchSampler(space, seed=seed)
            random.append(min(map(objective, ask_all(baseline, objective, 14, space))))
    return stats.wilcoxon(ours, random, alternative="less").pvalue


@pytest.mark.parametrize("stop", [1, 3, 7])
@pytest.mark.parametrize("algorithm", ["ALGORITHM_UNSPECIFIED", "RANDOM_SEARCH"])
def test_a_resumed_study_goes_on_as_if_it_had_not_been_interrupted(algorithm, stop):
    whole = ask_all(make_sampler(algorithm, MIXED, seed=3), mixed, 9, MIXED)
    study = optuna.create_study()
    for number in range(9):
        if number in (0, stop):
            study.sampler = make_sampler(algorithm, MIXED, seed=3)
        trial = study.ask(distributions(MIXED))
        study.tell(trial, mixed(trial.params))
    assert [trial.params for trial in study.trials] == whole


def test_both_directions_give_the_same_suggestions_for_the_same_goal():
    down = ask_all(GPBanditSampler(seed=0, space=MNIST), ridge, 8)
    up = ask_all(GPBanditSampler(seed=0, space=MNIST), lambda p: -ridge(p), 8, direction="maximize")
    assert down == up


def test_seeds_differ():
    assert ask_all(GPBanditSampler(seed=0), ridge, 4) != ask_all(GPBanditSampler(seed=1), ridge, 4)
    assert ask_all(GPBanditSampler(), ridge, 4) != ask_all(GPBanditSampler(), ridge, 4)


def test_trials_asked_for_together_are_spread_out():
    study = optuna.create_study(sampler=GPBanditSampler(seed=0, space=MNIST))
    for _ in range(5):
        trial = study.ask(distributions(MNIST))
        study.tell(trial, ridge(trial.params))
    together = [study.ask(distributions(MNIST)).params for _ in range(4)]
    units = np.array([[p.to_unit(params[p.name]) for p in MNIST] for params in together])
    apart = np.abs(units[:, None] - units[None]).max(axis=2)[np.triu_indices(4, 1)]
    assert apart.min() > 0.01


def test_threads_of_one_study_do_not_repeat_each_other():
    def objective(trial):
        lr = trial.suggest_float("lr", 0.001, 0.1, log=True)
        time.sleep(0.02)
        return ridge({"lr": lr, "num-steps": trial.suggest_int("num-steps", 200, 10000)})

    study = optuna.create_study(sampler=GPBanditSampler(seed=0))
    study.optimize(objective, n_trials=16, n_jobs=2)
    rates = sorted(math.log(trial.params["lr"]) for trial in study.trials)
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)
    assert np.diff(rates).min() > 0.0
    assert study.best_value < 0.01


def test_changing_spaces_and_pruning_work_without_a_space():
    def objective(trial):
        kind = trial.suggest_categorical("kind", ["linear", "tree", None])
        if kind == "tree":
            return abs(trial.suggest_int("depth", 1, 12) - 5) / 5
        x = trial.suggest_float("x", -1.0, 1.0)
        trial.report(x, 1)
        if x > 0.5:
            raise optuna.TrialPruned
        return 3.0 + x**2

    study = optuna.create_study(sampler=GPBanditSampler(seed=0))
    study.optimize(objective, n_trials=25)
    assert study.best_params["kind"] == "tree"
    assert study.best_value <= 0.4


def test_enqueued_trials_are_run_as_they_are():
    study = optuna.create_study(sampler=GPBanditSampler(seed=0, space=MNIST))
    study.enqueue_trial({"lr": 0.05})
    study.enqueue_trial({"lr": 0.02, "num-steps": 300})
    for _ in range(2):
        study.tell(study.ask(distributions(MNIST)), 0.5)
    assert study.trials[0].params["lr"] == 0.05
    assert study.trials[1].params == {"lr": 0.02, "num-steps": 300}


def test_first_points_come_first_where_they_are_inside():
    points = [
        {"lr": 0.01, "num-steps": 2000},
        {"lr": 5.0, "num-steps": 10},
        {"num-steps": 500, "verbose": "yes"},
    ]
    sampler = GPBanditSampler(seed=0, space=MNIST, first_points=points)
    first, second, third = ask_all(sampler, ridge, 3)
    assert first == points[0]
    assert second == {"lr": pytest.approx(0.01), "num-steps": 500}
    assert third["num-steps"] not in (10, 500, 2000)


def test_earlier_trials_count_as_data():
    random = RandomSearchSampler(MNIST, seed=5)
    earlier = optuna.create_study(sampler=random)
    for _ in range(20):
        trial = earlier.ask(distributions(MNIST))
        earlier.tell(trial, ridge(trial.params))
    (first,) = ask_all(GPBanditSampler(seed=0, space=MNIST, earlier_trials=earlier.trials), ridge, 1)
    assert ridge(first) < earlier.best_value


def test_a_failed_point_is_not_tried_again():
    study = optuna.create_study(sampler=GPBanditSampler(seed=0, space=MIXED))
    for _ in range(12):
        study.tell(study.ask(distributions(MIXED)), state=TrialState.FAIL)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 12


def test_several_objectives_are_refused():
    study = optuna.create_study(
        directions=["minimize", "maximize"], sampler=GPBanditSampler(seed=0, space=MNIST)
    )
    with pytest.raises(RuntimeError, match="direction"):
        study.ask(distributions(MNIST))


def test_survives_pickling():
    sampler = GPBanditSampler(seed=0, space=MNIST)
    assert ask_all(pickle.loads(pickle.dumps(sampler)), ridge, 5) == ask_all(sampler, ridge, 5)


@pytest.mark.parametrize("seed", range(3))
def test_random_search_is_uniform_on_every_scale(seed):
    space = SearchSpace(
        (
            Double("log", 1e-4, 1.0, Scale.LOG),
            Double("reverse", 1e-4, 1.0, Scale.REVERSE_LOG),
            Integer("steps", 1, 10**6, Scale.REVERSE_LOG),
        )
    )
    drawn = ask_all(RandomSearchSampler(space, seed=seed), lambda _: 0.0, 200, space)
    assert all(space.contains(params) for params in drawn)
    for parameter in space:
        units = [parameter.to_unit(params[parameter.name]) for params in drawn]
        assert stats.kstest(units, "uniform").pvalue > 1e-3


def test_grid_search_over_reals_and_unknown_algorithms_are_refused():
    space = SearchSpace((Double("lr", 0.1, 1.0), Integer("n", 1, 2), Double("decay", 0.1, 1.0)))
    with pytest.raises(InputError) as error:
        make_sampler("GRID_SEARCH", space, seed=0)
    assert [fault.place for fault in error.value.faults] == ["lr", "decay"]
    with pytest.raises(InputError, match="POPULATION_BASED_TRAINING"):
        make_sampler("POPULATION_BASED_TRAINING", space, seed=0)
