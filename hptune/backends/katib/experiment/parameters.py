"""The search space as Katib's parameters, and what suggests their values.

A range of one value, and every parameter of a grid search, is written as a list: Katib's services refuse a
range whose ends are equal, and a list lets them visit exactly the points that a local grid search visits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from kubeflow_katib_api.models import (
    V1beta1AlgorithmSetting,
    V1beta1AlgorithmSpec,
    V1beta1FeasibleSpace,
    V1beta1ParameterSpec,
)

from hptune.backends.katib.experiment.terms import algorithm_name, katib_text
from hptune.backends.katib.options import KatibAlgorithm, KatibOptions
from hptune.backends.katib.suggestion import settings
from hptune.job.schema import Algorithm
from hptune.job.submission import Submission
from hptune.job.tuning_job import TuningJob
from hptune.search.grid import grid_axes
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, Parameter, Value, format_number

_DISTRIBUTIONS = {Scale.LINEAR: "uniform", Scale.LOG: "logUniform"}


def parameter_specs(job: TuningJob) -> list[V1beta1ParameterSpec]:
    """Writes the search space, parameter by parameter."""
    if job.algorithm is Algorithm.GRID_SEARCH:
        axes = grid_axes(job.space, job.max_trials)
        return [_list_of(parameter, axes[parameter.name]) for parameter in job.space]
    return [_parameter_spec(parameter) for parameter in job.space]


def _parameter_spec(parameter: Parameter) -> V1beta1ParameterSpec:
    if isinstance(parameter, Categorical | Discrete):
        return _list_of(parameter, parameter.values)
    if parameter.low == parameter.high:
        return _list_of(parameter, [parameter.low])
    space = V1beta1FeasibleSpace(
        min=format_number(parameter.low),
        max=format_number(parameter.high),
        # Of gp-bandit alone; its settings say that it is the reverse of this one.
        distribution=_DISTRIBUTIONS.get(parameter.scale, "logUniform"),
    )
    kind = "int" if isinstance(parameter, Integer) else "double"
    return V1beta1ParameterSpec(name=parameter.name, parameterType=kind, feasibleSpace=space)


def _list_of(parameter: Parameter, values: Iterable[Value]) -> V1beta1ParameterSpec:
    return V1beta1ParameterSpec(
        name=parameter.name,
        parameterType="categorical" if isinstance(parameter, Categorical) else "discrete",
        feasibleSpace=V1beta1FeasibleSpace(
            list=[katib_text(value) for value in values],
            # Without effect on a list, but Katib would add it.
            distribution="uniform",
        ),
    )


def algorithm_spec(submission: Submission, options: KatibOptions) -> V1beta1AlgorithmSpec:
    """Writes the algorithm with its settings."""
    name = algorithm_name(submission.job, options)
    if name == KatibAlgorithm.BANDIT:
        values = _bandit_settings(submission)
    else:
        values = {"random_state": str(submission.seed)}
    if name == KatibAlgorithm.BAYESIAN:
        values["n_initial_points"] = str(initial_points(submission.job))
    return V1beta1AlgorithmSpec(
        algorithmName=name,
        algorithmSettings=[V1beta1AlgorithmSetting(name=n, value=v) for n, v in values.items()],
    )


def initial_points(job: TuningJob) -> int:
    """Returns how many finished trials scikit-optimize draws at random for, before it fits its model.

    Its own default of ten would make a job of ten trials a random search. A model of d parameters has no
    slope to follow before d + 1 points; half of the budget at most, as the local bandit has it, and early
    enough that a model suggests at least the last trial although those that run at once are drawn blindly.
    """
    parallel = min(job.max_parallel_trials, job.max_trials)
    most = min(job.max_trials // 2, job.max_trials - parallel)
    return max(1, min(max(3, len(job.space) + 1), most))


def _bandit_settings(submission: Submission) -> dict[str, str]:
    values = {settings.SEED: str(submission.seed), settings.TRIAL_NAMES: settings.NUMBERED}
    for parameter in submission.job.space:
        if not_told := _scale_to_tell(parameter):
            values[f"{settings.SCALE}{parameter.name}"] = not_told.value
    if points := _spelled(submission):
        values[settings.FIRST_POINTS] = json.dumps(points)
    return values


def _scale_to_tell(parameter: Parameter) -> Scale | None:
    """Returns the scale of a parameter, where Katib's distributions have no word for it."""
    if isinstance(parameter, Discrete) and len(parameter.values) > 1:
        return None if parameter.scale is Scale.LINEAR else parameter.scale
    if isinstance(parameter, Double | Integer) and parameter.low < parameter.high:
        return Scale.REVERSE_LOG if parameter.scale is Scale.REVERSE_LOG else None
    return None


def _spelled(submission: Submission) -> Sequence[dict[str, str]]:
    points = submission.first_points
    return [{name: katib_text(value) for name, value in point.items()} for point in points]
