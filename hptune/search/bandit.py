"""The bandit: Bayesian optimisation as an Optuna sampler.

``GPBanditSampler`` serves any Optuna study::

    study = optuna.create_study(direction="maximize", sampler=GPBanditSampler(seed=0))
    study.optimize(objective, n_trials=20)

It is stateless: a suggestion follows from the trials seen, the trial's number and the seed,
so a job that was killed and is resumed goes on as if it had not been.
"""

from __future__ import annotations

import copy
import math
import secrets
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import intersection_search_space
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hptune.search.encoding import Encoding, allows, distributions
from hptune.search.gp.bandit import History, suggest
from hptune.search.gp.kernel import Array
from hptune.search.space import SearchSpace, Value

N_STARTUP_TRIALS = 3

# One suggestion after the other in a process: the next must see what the last one handed out. At module level
# because samplers are pickled.
_one_at_a_time = threading.Lock()


class GPBanditSampler(BaseSampler):
    """Bayesian optimisation with a Gaussian process, made for tens of trials.

    Trials that run count as if they had given what is expected of them; failed ones and those whose objective
    is not finite make their surroundings less likely; pruned ones count with their last intermediate value.
    ``reseed_rng`` has nothing to do: trials of different numbers draw differently.

    Args:
        seed: Not negative; drawn where None.
        space: Parameters whose scales win over those of the distributions. Where None, the search space is
            what all finished trials have in common, and the first trial is the middle of whatever is asked
            for.
        n_startup_trials: How many trials fill the space before the model takes over; where None, three, or
            half the budget if that is less.
        max_trials: The budget, where there is one.
        first_points: Parameters to try before anything else, in this order; those outside the space are left
            out, and a parameter that a point does not name is set to its middle.
        earlier_trials: Finished trials of other studies with the same objective, to learn from.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        space: SearchSpace | None = None,
        n_startup_trials: int | None = None,
        max_trials: int | None = None,
        first_points: Sequence[Mapping[str, Value]] = (),
        earlier_trials: Sequence[FrozenTrial] = (),
    ) -> None:
        self._seed = secrets.randbits(32) if seed is None else seed
        self._space = space
        self._n_startup_trials = _n_startup(max_trials) if n_startup_trials is None else n_startup_trials
        self._first_points = tuple(dict(point) for point in first_points)
        self._earlier_trials = tuple(trial for trial in earlier_trials if trial.state.is_finished())
        self._handed_out: dict[tuple[str, int], dict[str, Any]] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Returns the parameters that are suggested together."""
        if self._space is not None:
            common = distributions(self._space)
        else:
            common = intersection_search_space(_others(study, trial), include_pruned=True)
        return {name: distribution for name, distribution in common.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Suggests values for all of ``search_space``."""
        if not search_space:
            return {}
        with _one_at_a_time:
            values = self.suggest(
                [self._with_parameters(study, other) for other in _others(study, trial)],
                number=trial.number,
                direction=study.direction,
                search_space=search_space,
            )
            self._handed_out[study.study_name, trial.number] = values
        return values

    def suggest(
        self,
        trials: Sequence[FrozenTrial],
        *,
        number: int,
        direction: StudyDirection,
        search_space: Mapping[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Suggests values for one more trial, outside of any study.

        Args:
            trials: All others, in any state.
            number: The new trial's, from 0; different numbers draw differently.
            direction: Of the objective.
            search_space: What to suggest, with at least one parameter.
        """
        encoding = Encoding(search_space, self._space)
        first = self._first_point(trials, encoding)
        if first is not None:
            return first
        seen = [*self._earlier_trials, *sorted(trials, key=lambda trial: trial.number)]
        history = _history(seen, encoding, direction)
        rng = np.random.default_rng([self._seed, number])
        return encoding.decode(suggest(encoding.cube, history, self._n_startup_trials, rng))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401  what Optuna's categories are is the user's choice
        """Suggests a value for a parameter that not all trials have: first the middle, then at random."""
        del study
        for first in self._first_points[trial.number : trial.number + 1]:
            if param_name in first and allows(param_distribution, first[param_name]):
                return first[param_name]
        encoding = Encoding({param_name: param_distribution})
        rng = np.random.default_rng([self._seed, trial.number, zlib.crc32(param_name.encode())])
        point = encoding.cube.middle if trial.number == 0 else encoding.cube.draw(1, rng)[0]
        return encoding.decode(point)[param_name]

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Forgets what the trial was handed: its parameters are in the study now."""
        del state, values
        self._handed_out.pop((study.study_name, trial.number), None)

    def _with_parameters(self, study: Study, trial: FrozenTrial) -> FrozenTrial:
        """Returns the trial with what it was handed but has not yet asked for, as happens between threads."""
        handed_out = self._handed_out.get((study.study_name, trial.number))
        if handed_out is None or trial.params.keys() >= handed_out.keys():
            return trial
        completed = copy.copy(trial)
        completed.params = handed_out | trial.params
        return completed

    def _first_point(self, trials: Sequence[FrozenTrial], encoding: Encoding) -> dict[str, Any] | None:
        """Returns the first of the first points inside the space that no trial has had yet."""
        middle = encoding.decode(encoding.cube.middle)
        for point in self._first_points:
            values = {name: point.get(name, middle[name]) for name in middle}
            if encoding.encode(values) is not None and not any(_has(trial, values) for trial in trials):
                return values
        return None


def _n_startup(max_trials: int | None) -> int:
    return N_STARTUP_TRIALS if max_trials is None else min(N_STARTUP_TRIALS, (max_trials + 1) // 2)


def _has(trial: FrozenTrial, values: Mapping[str, Any]) -> bool:
    return all(name in trial.params and trial.params[name] == value for name, value in values.items())


def _others(study: Study, trial: FrozenTrial) -> list[FrozenTrial]:
    """Returns the study's trials but this one."""
    return [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]


def _history(trials: Sequence[FrozenTrial], encoding: Encoding, direction: StudyDirection) -> History:
    """Returns what trials tell of the objective; those outside the search space tell nothing."""
    sign = 1.0 if direction is StudyDirection.MAXIMIZE else -1.0
    measured: list[Array] = []
    values: list[float] = []
    failed: list[Array] = []
    pending: list[Array] = []
    for trial in trials:
        point = encoding.encode(trial.params)
        if point is None:
            continue
        value = _objective(trial)
        if not trial.state.is_finished():
            pending.append(point)
        elif value is None:
            failed.append(point)
        else:
            measured.append(point)
            values.append(sign * value)
    dim = encoding.cube.dim
    return History(
        x=np.reshape(measured, (-1, dim)),
        values=np.array(values, dtype=np.float64),
        failed=np.reshape(failed, (-1, dim)),
        pending=np.reshape(pending, (-1, dim)),
    )


def _objective(trial: FrozenTrial) -> float | None:
    """Returns what the trial showed last; None where that cannot be compared."""
    value: float | None = None
    if trial.state is TrialState.COMPLETE:
        value = trial.value
    elif trial.state is TrialState.PRUNED and trial.last_step is not None:
        value = trial.intermediate_values[trial.last_step]
    return value if value is not None and math.isfinite(value) else None
