"""Makes the sampler that an algorithm's name in the job file stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hptune.errors import Fault, InputError
from hptune.search.bandit import GPBanditSampler
from hptune.search.grid import GridSearchSampler
from hptune.search.random import RandomSearchSampler
from hptune.search.space import SearchSpace, Value


def make_sampler(
    algorithm: str,
    space: SearchSpace,
    *,
    seed: int,
    max_trials: int | None = None,
    first_points: Sequence[Mapping[str, Value]] = (),
    earlier_trials: Sequence[FrozenTrial] = (),
) -> BaseSampler:
    """Makes the sampler for an algorithm's name in the job file.

    Args:
        algorithm: ``ALGORITHM_UNSPECIFIED`` (the bandit), ``RANDOM_SEARCH`` or ``GRID_SEARCH``.
        space: The job's parameters.
        seed: Not negative.
        max_trials: The job's budget, where it has one.
        first_points: What the bandit tries first.
        earlier_trials: What the bandit learns from besides the study's own trials.

    Raises:
        InputError: The algorithm is none of these, or grid search meets a DOUBLE.
    """
    if algorithm == "ALGORITHM_UNSPECIFIED":
        return GPBanditSampler(
            seed=seed,
            space=space,
            max_trials=max_trials,
            first_points=first_points,
            earlier_trials=earlier_trials,
        )
    if algorithm == "RANDOM_SEARCH":
        return RandomSearchSampler(space, seed=seed)
    if algorithm == "GRID_SEARCH":
        return GridSearchSampler(space, seed=seed, max_trials=max_trials)
    allowed = "ALGORITHM_UNSPECIFIED, RANDOM_SEARCH or GRID_SEARCH"
    raise InputError(Fault("hyperparameters.algorithm", f"{algorithm} is not supported (use {allowed})"))
