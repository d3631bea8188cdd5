"""The study on disk: an Optuna journal inside the job directory.

An Optuna trial's number is our trial id less one. It is RUNNING from the suggestion until its outcome is
told, so a trial that was cut off is found again by its state, and is run again under the same id with the
same parameters.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import MedianPruner
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from hptune.backends.local.signals import uninterrupted
from hptune.errors import Fault, JobDirError
from hptune.results.curve import MAX_MEASUREMENTS, next_step
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState
from hptune.search.space import SearchSpace
from hptune.trial.outcome import Outcome

# Optuna announces each study on standard error, where the job's own progress is shown.
optuna.logging.set_verbosity(optuna.logging.WARNING)

_STUDY = "hptune"
# Early stopping compares a trial with at least this many others, as Katib's median rule does by default.
_MIN_OTHER_TRIALS = 3
# The key of Optuna's user attribute that holds how a trial ended.
_ENDING = "ending"
_START = "start_time_s"
_TRAINER = "trainer"
_LINE_START = b'{"op_code":'
_DIRECTIONS = {Goal.MAXIMIZE: StudyDirection.MAXIMIZE, Goal.MINIMIZE: StudyDirection.MINIMIZE}


class StudyStore:
    """The study of one job; made by `create_or_open`, and for reading by `open_to_read`.

    What writes is uninterrupted, so that no change is told by half.
    """

    def __init__(
        self,
        study: optuna.Study,
        name: str,
        metric: str,
        max_trials: int,
        space: SearchSpace,
        trainer: str = "",
    ) -> None:
        self._study = study
        self._name = name
        self._metric = metric
        self._max_trials = max_trials
        self._space = space
        self._trainer = trainer
        self._trials: dict[int, optuna.Trial] = {}
        # The step of each trial's last measurement in its present attempt.
        self._last_steps: dict[int, int] = {}
        self._finished: dict[int, Trial] = {}

    @property
    def trial_count(self) -> int:
        """Trials that were ever begun."""
        return len(self._study.get_trials(deepcopy=False))

    def unfinished(self) -> list[Trial]:
        """Trials that were begun and did not end, in order of their ids."""
        return [trial for trial in self.study().trials if not trial.state.finished]

    def of_other_trainers(self) -> list[int]:
        """Trials whose objective another version of the trainer has measured."""
        trials = zip(self._study.get_trials(deepcopy=False), self.study().trials, strict=True)
        return [
            trial.id
            for frozen, trial in trials
            if trial.final and frozen.user_attrs.get(_TRAINER, self._trainer) != self._trainer
        ]

    @uninterrupted()
    def ask(self, distributions: dict[str, BaseDistribution]) -> Trial:
        """Begins a trial with a new suggestion."""
        trial = self._study.ask(fixed_distributions=distributions)
        return self._begin(trial)

    @uninterrupted()
    def take_up(self, trial_id: int, distributions: dict[str, BaseDistribution]) -> Trial:
        """Begins a trial again that was cut off, perhaps before its suggestion was complete."""
        frozen = self._study.get_trials(deepcopy=False)[trial_id - 1]
        trial = optuna.Trial(self._study, frozen._trial_id)
        for name, distribution in distributions.items():
            _suggest(trial, name, distribution)
        return self._begin(trial)

    def _begin(self, trial: optuna.Trial) -> Trial:
        self._trials[trial.number + 1] = trial
        self._last_steps[trial.number + 1] = -1
        trial.set_user_attr(_START, datetime.now(UTC).timestamp())
        trial.set_user_attr(_TRAINER, self._trainer)
        return self.trial(trial.number + 1)

    @uninterrupted()
    def report(self, trial_id: int, measurement: Measurement) -> bool:
        """Records a measurement; returns whether the early-stopping rule would stop the trial."""
        trial = self._trials[trial_id]
        seen = self._study.get_trials(deepcopy=False)[trial_id - 1].intermediate_values
        step = next_step(measurement, self._last_steps[trial_id])
        self._last_steps[trial_id] = step
        # What an attempt that was cut off reported at this step stays.
        if step in seen or len(seen) >= MAX_MEASUREMENTS:
            return False
        trial.report(measurement.value, step)
        with warnings.catch_warnings():
            # A trial that has reported only NaN is stopped, rightly, but NumPy warns of it.
            warnings.simplefilter("ignore", RuntimeWarning)
            return trial.should_prune()

    @uninterrupted()
    def finish(self, trial_id: int, outcome: Outcome, *, stopped_early: bool = False) -> Trial:
        """Records how a trial ended; from here on it is never run again."""
        trial = self._trials[trial_id]
        trial.set_user_attr(_ENDING, {**asdict(outcome), "stopped_early": stopped_early})
        final = outcome.final
        comparable = outcome.succeeded and final is not None and final.finite
        if stopped_early:
            self._study.tell(trial, state=OptunaState.PRUNED)
        elif comparable and final is not None:
            self._study.tell(trial, final.value)
        else:
            self._study.tell(trial, state=OptunaState.FAIL)
        return self.trial(trial_id)

    def trial(self, trial_id: int) -> Trial:
        """One trial as it now is."""
        return self._converted(self._study.get_trials(deepcopy=False)[trial_id - 1])

    def study(self) -> Study:
        """The study as it now is."""
        frozen = self._study.get_trials(deepcopy=False)
        goal = next(goal for goal, direction in _DIRECTIONS.items() if direction is self._study.direction)
        return Study(self._name, self._metric, goal, self._max_trials, tuple(map(self._converted, frozen)))

    def _converted(self, frozen: FrozenTrial) -> Trial:
        trial = self._finished.get(frozen.number) or _to_trial(frozen, self._space)
        if trial.state.finished:
            self._finished[frozen.number] = trial
        return trial


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> None:
    """Completes a suggestion; a value that the trial has already stays."""
    if isinstance(distribution, FloatDistribution):
        trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
    elif isinstance(distribution, IntDistribution):
        trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
    elif isinstance(distribution, CategoricalDistribution):
        trial.suggest_categorical(name, distribution.choices)


def _to_trial(frozen: FrozenTrial, space: SearchSpace) -> Trial:
    ending: dict[str, Any] = frozen.user_attrs.get(_ENDING, {})
    last = Measurement(**ending["final"]) if ending.get("final") else None
    comparable = last is not None and last.finite
    final = last if comparable and frozen.state in (OptunaState.COMPLETE, OptunaState.PRUNED) else None
    state = TrialState.SUCCEEDED if final else TrialState.FAILED
    return Trial(
        id=frozen.number + 1,
        parameters={name: frozen.params[name] for name in space.names if name in frozen.params},
        state=state if frozen.state.is_finished() else TrialState.RUNNING,
        measurements=tuple(
            Measurement(value, step) for step, value in sorted(frozen.intermediate_values.items())
        ),
        final=final,
        stopped_early=ending.get("stopped_early", False),
        message=ending.get("message", ""),
        start_time=_time(ending.get(_START, frozen.user_attrs.get(_START))),
        end_time=_time(ending.get("end_time_s")),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@uninterrupted()
def create_or_open(
    journal: Path,
    name: str,
    metric: str,
    goal: Goal,
    max_trials: int,
    space: SearchSpace,
    sampler: BaseSampler,
    trainer: str = "",
) -> StudyStore:
    """Opens the study to run its trials; the caller holds the job's lock.

    Args:
        journal: Its file.
        name: The job's name.
        metric: The objective's tag.
        goal: Which way it is to go.
        max_trials: How many trials the job is for.
        space: The job's parameters.
        sampler: What suggests their values.
        trainer: Tells the trainer's versions apart; kept with each trial.

    Raises:
        JobDirError: The journal is damaged.
    """
    _mend(journal)
    with _damage_reported(journal):
        study = optuna.create_study(
            study_name=_STUDY,
            storage=_storage(journal),
            direction=_DIRECTIONS[goal],
            sampler=sampler,
            pruner=MedianPruner(n_startup_trials=_MIN_OTHER_TRIALS, n_min_trials=_MIN_OTHER_TRIALS),
            load_if_exists=True,
        )
    return StudyStore(study, name, metric, max_trials, space, trainer)


def open_to_read(
    journal: Path, name: str, metric: str, max_trials: int, space: SearchSpace
) -> StudyStore | None:
    """Opens the study to look at it, while it runs or later; None where no trial was ever begun.

    Raises:
        JobDirError: The journal is damaged.
    """
    if not journal.is_file():
        return None
    with _damage_reported(journal):
        storage = _storage(journal)
        if _STUDY not in optuna.get_all_study_names(storage):
            return None
        return StudyStore(
            optuna.load_study(study_name=_STUDY, storage=storage), name, metric, max_trials, space
        )


class _JobsLock(JournalFileOpenLock):
    """Stands for the job's own lock, which whoever writes holds already and the kernel takes back.

    Optuna's locks are files, which a writer that is killed leaves: the next one would wait for 30 s.
    """

    def acquire(self) -> bool:
        """Nothing to do."""
        return True

    def release(self) -> None:
        """Nothing to do."""


def _storage(journal: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(journal), _JobsLock(str(journal))))


def _mend(journal: Path) -> None:
    """Takes away what a writer that was killed can leave: half a line at the end.

    Optuna passes over half a line when it reads, but would write its next line behind it.
    """
    if not journal.is_file():
        return
    with journal.open("rb+") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if not content[end:].startswith(_LINE_START[: len(content) - end]):
            raise JobDirError(Fault(str(journal), "is damaged (its last line is not Optuna's)"))
        file.truncate(end)


@contextmanager
def _damage_reported(journal: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise JobDirError(Fault(str(journal), f"is damaged ({type(error).__name__}: {error})")) from error
