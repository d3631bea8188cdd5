"""Katib's trials as those that the bandit learns from."""

from __future__ import annotations

import math
from collections.abc import Iterable

from optuna.trial import FrozenTrial, TrialState, create_trial

from hptune.backends.katib.suggestion import api_pb2 as api
from hptune.backends.katib.suggestion.open_suggestions import Texts
from hptune.backends.katib.suggestion.problem import Problem

# A condition that we do not know may have any objective: such a trial tells no more than that it was tried.
_UNFINISHED = {api.TrialStatus.CREATED, api.TrialStatus.RUNNING, api.TrialStatus.UNKNOWN}
_MEASURED = {api.TrialStatus.SUCCEEDED, api.TrialStatus.EARLYSTOPPED}


def in_order(trials: Iterable[api.Trial]) -> list[api.Trial]:
    """Sorts trials by time of start, then name: Katib sends them in any order.

    Those that have not started come last; of names that are numbered, 9 comes before 10.
    """
    return sorted(
        trials,
        key=lambda trial: (
            not trial.status.start_time,
            trial.status.start_time,
            len(trial.name),
            trial.name,
        ),
    )


def texts_of(trial: api.Trial) -> Texts:
    """Returns a trial's parameters: name to text."""
    return {each.name: each.value for each in trial.spec.parameter_assignments.assignments}


def is_finished(trial: api.Trial) -> bool:
    """Returns whether Katib will not change a trial any more."""
    return trial.status.condition in _MEASURED | {api.TrialStatus.FAILED, api.TrialStatus.KILLED}


def frozen(trial: api.Trial, problem: Problem) -> FrozenTrial:
    """Makes a trial of Optuna's of one of Katib's.

    One that failed, was killed or whose objective is no finite number counts as failed; one that was stopped
    early counts with the objective that Katib has for it.
    """
    texts = texts_of(trial)
    if trial.status.condition in _UNFINISHED:
        return unmeasured(texts, problem, TrialState.RUNNING)
    objective = _objective(trial, problem.metric)
    if trial.status.condition not in _MEASURED or objective is None:
        return unmeasured(texts, problem, TrialState.FAIL)
    return _create(texts, problem, TrialState.COMPLETE, objective)


def unmeasured(texts: Texts, problem: Problem, state: TrialState) -> FrozenTrial:
    """Makes a trial that runs or failed, with the parameters ``texts``."""
    return _create(texts, problem, state, None)


def _create(texts: Texts, problem: Problem, state: TrialState, value: float | None) -> FrozenTrial:
    params = problem.read(texts)
    return create_trial(
        state=state,
        value=value,
        params=params,
        distributions={name: problem.search_space[name] for name in params},
    )


def _objective(trial: api.Trial, metric: str) -> float | None:
    """Returns the objective by the strategy that Katib applied; None where it is not a finite number."""
    texts = [each.value for each in trial.status.observation.metrics if each.name == metric]
    try:
        value = float(texts[-1])
    except (IndexError, ValueError):
        return None
    return value if math.isfinite(value) else None
