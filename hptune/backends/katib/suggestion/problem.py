"""What an Experiment asks for, read from Katib's message and checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection

from hptune.backends.katib.experiment.names import BANDIT
from hptune.backends.katib.suggestion import api_pb2 as api
from hptune.backends.katib.suggestion.open_suggestions import Texts
from hptune.backends.katib.suggestion.parameters import Field, read_fields
from hptune.backends.katib.suggestion.settings import Settings, read_settings
from hptune.errors import Fault, InputError
from hptune.search.bandit import GPBanditSampler
from hptune.search.encoding import distributions
from hptune.search.space import SearchSpace, Value

_DIRECTIONS = {api.MINIMIZE: StudyDirection.MINIMIZE, api.MAXIMIZE: StudyDirection.MAXIMIZE}


@dataclass(frozen=True)
class Problem:
    """An Experiment.

    Attributes:
        name: The Experiment's.
        metric: The objective's.
        direction: Where it is to go.
        max_trials: The budget; None where there is none.
        settings: The algorithm's.
        fields: The parameters, in the Experiment's order.
    """

    name: str
    metric: str
    direction: StudyDirection
    max_trials: int | None
    settings: Settings
    fields: tuple[Field, ...]

    @cached_property
    def space(self) -> SearchSpace:
        """All parameters."""
        return SearchSpace(tuple(field.parameter for field in self.fields))

    @cached_property
    def search_space(self) -> dict[str, BaseDistribution]:
        """Distributions of the parameters that have more than one value."""
        return {name: each for name, each in distributions(self.space).items() if not each.single()}

    def sampler(self) -> GPBanditSampler:
        """Makes the bandit for it."""
        return GPBanditSampler(
            seed=self.settings.seed,
            space=self.space,
            n_startup_trials=self.settings.n_startup_trials,
            max_trials=self.max_trials,
            # With its None a point is outside the space, and left out as a whole.
            first_points=[self._read_all(texts) for texts in self.settings.first_points],  # type: ignore[misc]
        )

    def read(self, texts: Texts) -> dict[str, Value]:
        """Reads the values among ``texts`` that are in their ranges, of parameters with more than one."""
        return {name: value for name, value in self._read_all(texts).items() if value is not None}

    def _read_all(self, texts: Texts) -> dict[str, Value | None]:
        names = self.search_space.keys() & texts.keys()
        return {
            each.parameter.name: each.read(texts[each.parameter.name])
            for each in self.fields
            if each.parameter.name in names
        }

    def write(self, values: Mapping[str, Value]) -> dict[str, str]:
        """Writes all parameters as Katib's text, those with a single value included."""
        return {
            each.parameter.name: each.write(values.get(each.parameter.name, each.parameter.from_unit(0.0)))
            for each in self.fields
        }


def read_problem(experiment: api.Experiment) -> Problem:
    """Reads an Experiment.

    Raises:
        InputError: Everything that is wrong with it.
    """
    spec = experiment.spec
    faults = _faults(spec)
    settings = Settings()
    fields: tuple[Field, ...] = ()
    try:
        settings = read_settings((each.name, each.value) for each in spec.algorithm.algorithm_settings)
    except InputError as error:
        faults += error.faults
    try:
        fields = read_fields(spec.parameter_specs.parameters, settings.scales)
    except InputError as error:
        faults += error.faults
    if faults:
        raise InputError(faults)
    return Problem(
        name=experiment.name,
        metric=spec.objective.objective_metric_name,
        direction=_DIRECTIONS[spec.objective.type],
        max_trials=spec.max_trial_count if spec.max_trial_count > 0 else None,
        settings=settings,
        fields=fields,
    )


def _faults(spec: api.ExperimentSpec) -> list[Fault]:
    faults = []
    if spec.algorithm.algorithm_name != BANDIT:
        place = "algorithm.algorithmName"
        faults.append(Fault(place, f"{spec.algorithm.algorithm_name!r} is not {BANDIT}"))
    if spec.objective.type not in _DIRECTIONS:
        faults.append(Fault("objective.type", "is not one of minimize and maximize"))
    if not spec.objective.objective_metric_name:
        faults.append(Fault("objective.objectiveMetricName", "is empty"))
    return faults
