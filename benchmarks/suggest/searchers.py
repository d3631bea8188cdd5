"""The samplers that are compared, each behind the same two questions.

All are given the search space as their own users would write it down; where a sampler has no reverse log, its
users would search linearly. Peers are imported when they are used: they are requirements of this benchmark
alone (requirements.txt beside it). `bandit_peers` has those that need an environment of their own.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from benchmarks.suggest.bandit_peers import AxSearcher, HeboSearcher, SmacSearcher, VizierSearcher
from hptune.search.bandit import GPBanditSampler
from hptune.search.encoding import distributions
from hptune.search.random import RandomSearchSampler
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Integer, Parameter, SearchSpace, Value

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Searcher(Protocol):
    """Maximises."""

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next."""

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of the last suggestion."""


class OptunaSearcher:
    """Any sampler of Optuna's.

    Attributes:
        study: What it works on.
    """

    def __init__(self, sampler: BaseSampler, space: SearchSpace) -> None:
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        self._distributions = distributions(space)

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next. See `Searcher`."""
        self._trial = self.study.ask(self._distributions)
        return dict(self._trial.params)

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of it. See `Searcher`."""
        del values
        self.study.tell(self._trial, objective)


def optuna_searcher(make: Callable[..., BaseSampler], **settings: Any) -> Callable[..., Searcher]:  # noqa: ANN401
    """Wraps a sampler of Optuna's that takes a seed."""
    return lambda space, seed: OptunaSearcher(make(seed=seed, **settings), space)


def hptune_searcher(space: SearchSpace, seed: int) -> Searcher:
    """Makes this project's searcher."""
    return OptunaSearcher(GPBanditSampler(seed=seed, space=space), space)


def random_searcher(space: SearchSpace, seed: int) -> Searcher:
    """Makes random search, uniform on the parameters' scales."""
    return OptunaSearcher(RandomSearchSampler(space, seed=seed), space)


def gp_searcher(space: SearchSpace, seed: int, **settings: Any) -> Searcher:  # noqa: ANN401
    """Makes Optuna's own Gaussian process."""
    import torch

    torch.set_num_threads(1)
    return OptunaSearcher(optuna.samplers.GPSampler(seed=seed, **settings), space)


class SkoptSearcher:
    """scikit-optimize as Katib's suggestion service configures it."""

    def __init__(self, space: SearchSpace, seed: int, n_initial_points: int) -> None:
        from skopt import Optimizer

        self._space = space
        self._optimizer = Optimizer(
            [_skopt_dimension(parameter) for parameter in space],
            base_estimator="GP",
            n_initial_points=n_initial_points,
            acq_func="gp_hedge",
            acq_optimizer="auto",
            random_state=seed,
        )

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next. See `Searcher`."""
        self._point = self._optimizer.ask()
        return {p.name: _native(value) for p, value in zip(self._space, self._point, strict=True)}

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of it. See `Searcher`."""
        del values
        self._optimizer.tell(self._point, -objective)

    def take(self, seen: list[tuple[Mapping[str, Value], float]]) -> None:
        """Takes in trials that others suggested."""
        points = [[values[name] for name in self._space.names] for values, _ in seen]
        self._optimizer.tell(points, [-objective for _, objective in seen])


def _skopt_dimension(parameter: Parameter) -> object:
    from skopt import space as skopt

    # Katib passes discrete values as categories.
    if isinstance(parameter, Discrete | Categorical):
        return skopt.Categorical(parameter.values)
    prior = "log-uniform" if parameter.scale is Scale.LOG else "uniform"
    kind = skopt.Integer if isinstance(parameter, Integer) else skopt.Real
    return kind(parameter.low, parameter.high, prior=prior)


def _native(value: Any) -> Value:  # noqa: ANN401
    """Returns a value without NumPy's type."""
    return value.item() if isinstance(value, np.generic) else value


class KerasTunerSearcher:
    """KerasTuner's BayesianOptimization, without the models around it."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        # Any backend will do: nothing is trained here.
        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras_tuner

        names = keras_tuner.HyperParameters()
        for parameter in space:
            _declare(names, parameter)
        self._space = space
        self._objective = keras_tuner.Objective("objective", "max")
        self._oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=self._objective, max_trials=1000, hyperparameters=names, seed=seed
        )
        self._directory = tempfile.TemporaryDirectory()
        self._oracle.verbose = 0
        self._oracle._set_project_dir(self._directory.name, "study")

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next. See `Searcher`."""
        self._trial = self._oracle.create_trial("tuner")
        chosen = self._trial.hyperparameters.values
        return {
            parameter.name: _clipped(parameter, _native(chosen[parameter.name])) for parameter in self._space
        }

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of it. See `Searcher`."""
        del values
        self._oracle.update_trial(self._trial.trial_id, {self._objective.name: objective})
        self._trial.status = "COMPLETED"
        self._oracle.end_trial(self._trial)


def _clipped(parameter: Parameter, value: Value) -> Value:
    """Clips an integer, of which KerasTuner sometimes suggests one more than the maximum."""
    return min(value, parameter.high) if isinstance(parameter, Integer) else value  # type: ignore[type-var]


_KERAS_SAMPLING = {Scale.LINEAR: "linear", Scale.LOG: "log", Scale.REVERSE_LOG: "reverse_log"}


def _declare(names: Any, parameter: Parameter) -> None:  # noqa: ANN401
    if isinstance(parameter, Categorical):
        names.Choice(parameter.name, list(parameter.values), ordered=False)
    elif isinstance(parameter, Discrete):
        names.Choice(parameter.name, list(parameter.values), ordered=True)
    else:
        declare = names.Int if isinstance(parameter, Integer) else names.Float
        declare(parameter.name, parameter.low, parameter.high, sampling=_KERAS_SAMPLING[parameter.scale])


OURS = "hptune"
BASELINE = "random"

SEARCHERS: dict[str, Callable[[SearchSpace, int], Searcher]] = {
    OURS: hptune_searcher,
    BASELINE: random_searcher,
    "Optuna TPE": optuna_searcher(optuna.samplers.TPESampler),
    "Optuna TPE univariate": optuna_searcher(optuna.samplers.TPESampler, multivariate=False),
    "Optuna GP": gp_searcher,
    "Optuna GP (4 start-up)": functools.partial(gp_searcher, n_startup_trials=4),
    "scikit-optimize (as in Katib)": functools.partial(SkoptSearcher, n_initial_points=10),
    "scikit-optimize (4 initial)": functools.partial(SkoptSearcher, n_initial_points=4),
    "KerasTuner": KerasTunerSearcher,
    "Vizier": VizierSearcher,
    "HEBO": HeboSearcher,
    "Ax": AxSearcher,
    "SMAC3": SmacSearcher,
}
"""By the name that tables show."""

PACKAGES = {
    BASELINE: "optuna",
    "Optuna TPE": "optuna",
    "Optuna TPE univariate": "optuna",
    "Optuna GP": "optuna",
    "Optuna GP (4 start-up)": "optuna",
    "scikit-optimize (as in Katib)": "scikit-optimize",
    "scikit-optimize (4 initial)": "scikit-optimize",
    "KerasTuner": "keras-tuner",
    "Vizier": "google-vizier",
    "HEBO": "HEBO",
    "Ax": "ax-platform",
    "SMAC3": "smac",
}
"""What each peer comes in."""
