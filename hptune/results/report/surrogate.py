"""What the bandit believes of a study: its Gaussian process, given some of the trials.

Units are the objective's own. The process models the objective warped (`Warp`), where its belief is a normal
distribution; the warp keeps order, so a quantile of one is the quantile of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.study import Study as OptunaStudy
from optuna.study import StudyDirection, create_study
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from hptune.results.study import Goal, Study, Trial
from hptune.search.bandit import GPBanditSampler
from hptune.search.encoding import Encoding, distributions
from hptune.search.gp.bandit import History, believe
from hptune.search.gp.kernel import Array
from hptune.search.gp.regression import Posterior
from hptune.search.gp.transform import Warp
from hptune.search.space import SearchSpace, Value

# It would tell of the study in memory.
optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Belief:
    """The posterior of the objective.

    Attributes:
        posterior: Of the warped objective, larger is better.
        warp: The map from the objective.
        sign: 1 where the objective is maximized, -1 where it is minimized.
        names: The parameters, in the order of the posterior's columns.
        encoding: Between values and the posterior's points.
    """

    posterior: Posterior
    warp: Warp
    sign: float
    names: tuple[str, ...]
    encoding: Encoding

    def quantiles(self, values: Sequence[Mapping[str, Value]]) -> tuple[Array, Array, Array]:
        """Returns the median (m,) and the bounds (m,) of the middle 68 % at some parameters, lower one first.

        Args:
            values: (m,) parameters, each with a value that it allows.
        """
        points = [point for each in values if (point := self.encoding.encode(each)) is not None]
        mean, variance = self.posterior.predict(np.stack(points))
        std = np.sqrt(variance)
        median, low, high = (
            self.sign * self.warp.inverse(y) for y in (mean, mean - self.sign * std, mean + self.sign * std)
        )
        return median, low, high

    @property
    def relevance(self) -> dict[str, float]:
        """How fast the objective changes along each parameter: 1 / lengthscale, as shares that sum to 1."""
        inverse = 1.0 / self.posterior.hyperparameters.lengthscales
        return dict(zip(self.names, (inverse / inverse.sum()).tolist(), strict=True))


class Surrogate:
    """Fits the bandit's Gaussian process to trials of a study."""

    def __init__(self, study: Study, space: SearchSpace) -> None:
        tuned = {name: each for name, each in distributions(space).items() if not each.single()}
        self._study, self._space = study, space
        self._sign = 1.0 if study.goal is Goal.MAXIMIZE else -1.0
        self._distributions = tuned
        self.encoding = Encoding(tuned, space)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that have more than one value."""
        return tuple(self._distributions)

    def after(self, trials: Sequence[Trial]) -> Belief | None:
        """Returns what is believed after some trials; None where that is nothing, before two objectives."""
        if not self.names:
            return None
        history = self._history(trials)
        if len(history.values) < 2:
            return None
        posterior, _ = believe(self.encoding.cube, history)
        return Belief(posterior, Warp.of(history.values), self._sign, self.names, self.encoding)

    def _history(self, trials: Sequence[Trial]) -> History:
        measured, failed, values = [], [], []
        for trial in trials:
            point = self.encoding.encode(trial.parameters)
            if point is None or not trial.state.finished:
                continue
            if trial.final:
                measured.append(point)
                values.append(self._sign * trial.final.value)
            else:
                failed.append(point)
        shape = (-1, self.encoding.cube.dim)
        return History(
            x=np.reshape(measured, shape),
            values=np.array(values, dtype=np.float64),
            failed=np.reshape(failed, shape),
            pending=np.empty((0, self.encoding.cube.dim)),
        )

    def suggestion(self, seed: int) -> dict[str, Value]:
        """Returns what the bandit would try after all finished trials."""
        study = self.optuna_study()
        if not self.names:
            return {}
        sampler = GPBanditSampler(seed=seed, space=self._space, max_trials=self._study.max_trials)
        trials = study.get_trials(deepcopy=False)
        values = sampler.suggest(
            trials, number=len(trials), direction=study.direction, search_space=self._distributions
        )
        return {**{p.name: p.from_unit(0.5) for p in self._space}, **values}

    def optuna_study(self) -> OptunaStudy:
        """Returns the finished trials as a study of Optuna's, in memory."""
        study = create_study(direction=StudyDirection[self._study.goal.name])
        study.add_trials([self._frozen(trial) for trial in self._study.finished if self._is_inside(trial)])
        return study

    def _is_inside(self, trial: Trial) -> bool:
        return self.encoding.encode(trial.parameters) is not None

    def _frozen(self, trial: Trial) -> FrozenTrial:
        return create_trial(
            params={name: trial.parameters[name] for name in self.names},
            distributions=self._distributions,
            state=OptunaState.COMPLETE if trial.final else OptunaState.FAIL,
            value=trial.final.value if trial.final else None,
        )
