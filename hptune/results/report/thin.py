"""Which trials of a very long study, and which parameters of a very wide one, the page has room for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.stats import rankdata

from hptune.results.report.places import place_of
from hptune.results.study import Study, Trial
from hptune.search.space import Categorical, Parameter, SearchSpace

MAX_DRAWN = 500
MAX_ROWS = 1000
MAX_PARAMETERS = 40
# Of all plots of a parameter each; so many parameters are shown in any case.
_MAX_POINTS = 6000
_LEAST_PARAMETERS = 12
# Of the table, a column a parameter and a handful besides.
_MAX_CELLS = 8_000


def drawn(study: Study, most: int = MAX_DRAWN) -> Study:
    """Returns the study as plots show it: of many trials, the best half and an even choice of the others."""
    if len(study.trials) <= most:
        return study
    best = {trial.id for trial in study.ranked[: most // 2]}
    others = [trial for trial in study.trials if trial.id not in best]
    count = most - len(best)
    even = {others[len(others) * k // count].id for k in range(count)}
    return replace(study, trials=tuple(trial for trial in study.trials if trial.id in best | even))


def shown_parameters(study: Study, space: SearchSpace) -> SearchSpace:
    """Returns the parameters that plots and table show: of many, those that go with the objective most.

    How many there is room for depends on how many trials there are.

    That is told by the share of the objective's ranks that a parameter explains alone: the square of
    Spearman's correlation and, of a CATEGORICAL parameter, the correlation ratio.
    """
    trials = drawn(study).trials
    most = min(MAX_PARAMETERS, max(_LEAST_PARAMETERS, _MAX_POINTS // max(1, len(trials))))
    if len(space) <= most:
        return space
    measured = [trial for trial in trials if trial.final]
    shares = {parameter.name: _explained_share(measured, parameter) for parameter in space}
    chosen = {*sorted(shares, key=lambda name: -shares[name])[:most]}
    return SearchSpace(tuple(parameter for parameter in space if parameter.name in chosen))


def _explained_share(trials: list[Trial], parameter: Parameter) -> float:
    known = [
        (place, trial.final.value)
        for trial in trials
        if trial.final and (place := place_of(trial, parameter)) is not None
    ]
    if len(known) < 2:
        return 0.0
    places, objectives = (rankdata(each) for each in np.transpose(known))
    total = float(np.var(objectives))
    if not total or not np.var(places):
        return 0.0
    if isinstance(parameter, Categorical):
        means = {place: objectives[places == place].mean() for place in {*places}}
        return float(np.var([means[place] for place in places])) / total
    return float(np.corrcoef(places, objectives)[0, 1]) ** 2


def narrowed(study: Study, space: SearchSpace) -> Study:
    """Returns the study with no more than some of its parameters."""
    names = {*space.names}
    trials = (
        replace(trial, parameters={name: value for name, value in trial.parameters.items() if name in names})
        for trial in study.trials
    )
    return replace(study, trials=tuple(trials))


def listed(study: Study, columns: int) -> tuple[Trial, ...]:
    """Returns the trials that a table of some columns has room for, best first."""
    return study.ranked[: min(MAX_ROWS, _MAX_CELLS // columns)]
