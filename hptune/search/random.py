"""Random search, on each parameter's own scale."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hptune.search.scale import Scale, mirror
from hptune.search.space import Double, Integer, SearchSpace


class RandomSearchSampler(BaseSampler):
    """Optuna's random sampler, reverse log included, drawing by trial number.

    Args:
        space: Parameters, for their scales.
        seed: Not negative.
    """

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self._mirrored = {
            p.name: p for p in space if isinstance(p, Double | Integer) and p.scale is Scale.REVERSE_LOG
        }
        self._overflowing = {
            p.name: p for p in space if isinstance(p, Double) and not math.isfinite(p.high - p.low)
        }
        self._seed = seed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Returns nothing: every parameter is drawn by itself."""
        del study, trial
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Returns nothing."""
        del study, trial, search_space
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401
        """Draws uniformly on the parameter's scale."""
        entropy = np.random.SeedSequence([self._seed, trial.number, zlib.crc32(param_name.encode())])
        sampler = RandomSampler(seed=int(entropy.generate_state(1)[0]))
        if param_name in self._overflowing:
            # Optuna's would draw from the width of the range, which no double holds.
            return self._overflowing[param_name].from_unit(np.random.default_rng(entropy).random())
        parameter = self._mirrored.get(param_name)
        if parameter is None:
            return sampler.sample_independent(study, trial, param_name, param_distribution)
        kind = IntDistribution if isinstance(parameter, Integer) else FloatDistribution
        log = kind(parameter.low, parameter.high, log=True)  # type: ignore[arg-type]
        value = sampler.sample_independent(study, trial, param_name, log)
        return mirror(value, parameter.low, parameter.high)
