"""A study as one of Optuna's in memory, for programs that know those: its dashboard, its plots.

A copy, because those programs write as well - notes, deletions - and a job's own records are not theirs.
"""

from __future__ import annotations

import warnings
from datetime import datetime

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from hptune.results.study import Goal, Study, Trial, TrialState
from hptune.search.encoding import distributions
from hptune.search.space import SearchSpace

_DIRECTIONS = {Goal.MAXIMIZE: StudyDirection.MAXIMIZE, Goal.MINIMIZE: StudyDirection.MINIMIZE}


class OptunaCopy:
    """A study of Optuna's that follows one of ours: named as the job, the objective as its metric.

    Args:
        study: The study as it now is.
        space: The job's parameters.

    Attributes:
        storage: Optuna's storage that holds the copy.
        study: The copy.
    """

    def __init__(self, study: Study, space: SearchSpace) -> None:
        self.storage = InMemoryStorage()
        self._distributions = distributions(space)
        direction = _DIRECTIONS[study.goal]
        self.study = optuna.create_study(storage=self.storage, study_name=study.name, direction=direction)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self.study.set_metric_names([study.metric])
        self._study_id = self.storage.get_study_id_from_name(study.name)
        self._ids: dict[int, int] = {}
        self._finished: set[int] = set()
        self.update(study)

    def update(self, study: Study) -> None:
        """Takes over what has changed of the study since the last time."""
        for trial in study.trials:
            if trial.id not in self._finished:
                self._take(trial)

    def _take(self, trial: Trial) -> None:
        if trial.id not in self._ids:
            copy = self._frozen(trial)
            self._ids[trial.id] = self.storage.create_new_trial(self._study_id, template_trial=copy)
        else:
            self._follow(self._ids[trial.id], self._frozen(trial))
        if trial.state.finished:
            self._finished.add(trial.id)

    def _follow(self, copy_id: int, copy: FrozenTrial) -> None:
        """Takes over what has become of a trial that ran the last time."""
        for step, value in copy.intermediate_values.items():
            self.storage.set_trial_intermediate_value(copy_id, step, value)
        for key, text in copy.user_attrs.items():
            self.storage.set_trial_user_attr(copy_id, key, text)
        if copy.state.is_finished():
            self.storage.set_trial_state_values(copy_id, copy.state, copy.values)

    def _frozen(self, trial: Trial) -> FrozenTrial:
        state = _state(trial)
        known = {name: each for name, each in self._distributions.items() if name in trial.parameters}
        attributes = {"trial": trial.id, "message": trial.message, "stopped_early": trial.stopped_early}
        return FrozenTrial(
            number=trial.id - 1,
            trial_id=trial.id - 1,
            state=state,
            value=trial.final.value if trial.final else None,
            datetime_start=_local(trial.start_time),
            datetime_complete=_local(trial.end_time) if trial.state.finished else None,
            params={name: trial.parameters[name] for name in known},
            distributions=known,
            user_attrs={key: value for key, value in attributes.items() if value},
            system_attrs={},
            intermediate_values={each.step: each.value for each in trial.measurements},
        )


def _local(time: datetime | None) -> datetime | None:
    """Returns a time as Optuna has it: of this machine's zone, which it does not name."""
    return time.astimezone().replace(tzinfo=None) if time else None


def _state(trial: Trial) -> OptunaState:
    if not trial.state.finished:
        return OptunaState.RUNNING
    if trial.stopped_early and trial.final:
        return OptunaState.PRUNED
    return OptunaState.COMPLETE if trial.state is TrialState.SUCCEEDED and trial.final else OptunaState.FAIL
