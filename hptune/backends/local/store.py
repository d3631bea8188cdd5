"""The study on disk: an Optuna journal inside the job directory.

An Optuna trial's number is our trial id less one. It is RUNNING from the suggestion until its outcome is
told, so a trial that was cut off is found again by its state, and is run again under the same id with the
same parameters.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import asdict, replace
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
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from hptune.backends.local.curves import RunningCurve, by_step
from hptune.backends.local.journal import Journal, JournalSnapshot, mend
from hptune.backends.local.sealed_lines import DamagedLineError
from hptune.backends.local.signals import uninterrupted
from hptune.errors import Fault, JobDirError
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState
from hptune.search.space import SearchSpace
from hptune.storage.job_dir import JobDir
from hptune.trial.metrics.curve import CurveReader, read_curve
from hptune.trial.metrics.report import Source
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
_DIRECTIONS = {Goal.MAXIMIZE: StudyDirection.MAXIMIZE, Goal.MINIMIZE: StudyDirection.MINIMIZE}


class StudyStore:
    """The study of one job; made by `create_or_open`, and for reading by `open_to_read`.

    What writes is uninterrupted, so that no change is told by half.
    """

    def __init__(
        self,
        study: optuna.Study,
        job_dir: JobDir,
        name: str,
        metric: str,
        max_trials: int,
        space: SearchSpace,
        trainer: str = "",
        together: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._study = study
        self._together = together
        self._job_dir = job_dir
        self._name = name
        self._metric = metric
        self._max_trials = max_trials
        self._space = space
        self._trainer = trainer
        self._trials: dict[int, optuna.Trial] = {}
        self._curves: dict[int, RunningCurve] = {}
        # As they were last seen, by number; what has finished stays as it is.
        self._seen: list[Trial] = []
        self._unfinished: set[int] = set()

    @property
    def trial_count(self) -> int:
        """Trials that were ever begun."""
        if not self._seen:
            self._look_for_new()
        return len(self._seen)

    def unfinished(self) -> list[Trial]:
        """Returns trials that were begun and did not end, in order of their ids."""
        return [trial for trial in self.study().trials if not trial.state.finished]

    def of_other_trainers(self) -> list[int]:
        """Returns trials whose objective another version of the trainer has measured."""
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
        trial = optuna.Trial(self._study, self._optuna_id(trial_id))
        for name, distribution in distributions.items():
            _suggest(trial, name, distribution)
        return self._begin(trial)

    def _begin(self, trial: optuna.Trial) -> Trial:
        self._trials[trial.number + 1] = trial
        self._curves[trial.number + 1] = RunningCurve()
        self._look_for_new()
        trial.set_user_attr(_START, datetime.now(UTC).timestamp())
        trial.set_user_attr(_TRAINER, self._trainer)
        return self.trial(trial.number + 1)

    def report(self, trial_id: int, curve: CurveReader) -> None:
        """Takes a running trial's measurements as they now are.

        They are written to the study when the trial ends: Optuna can take none of them back, and each would
        cost a write to the disk.
        """
        self._curves[trial_id].update(curve.source, curve.measurements)

    def find_reason_to_stop(self, trial_id: int) -> str:
        """Says why early stopping would stop a trial, given its measurements since the last call.

        It is not asked about measurements of a source that is less deliberate than the one that judged a
        trial before: those may be of the training data, and be withdrawn.

        Returns:
            The trial's value and the median that it is worse than; empty where the trial is to go on.
        """
        trials = self._study.get_trials(deepcopy=False)
        curve = self._curves[trial_id]
        if sum(each.state is OptunaState.COMPLETE for each in trials) < _MIN_OTHER_TRIALS:
            return ""
        if curve.source < _usual_source(trials):
            return ""
        frozen = copy(trials[trial_id - 1])
        worse = (values for values in curve.new_values() if self._is_worse(frozen, values))
        return next((self._explain_stop(trials, values) for values in worse), "")

    def _is_worse(self, frozen: FrozenTrial, values: dict[int, float]) -> bool:
        frozen.intermediate_values = values
        with warnings.catch_warnings():
            # A trial that has reported only NaN is stopped, rightly, but NumPy warns of it.
            warnings.simplefilter("ignore", RuntimeWarning)
            return self._study.pruner.prune(self._study, frozen)

    def _explain_stop(self, trials: Iterable[FrozenTrial], values: dict[int, float]) -> str:
        """Puts the pruner's comparison into words: the trial's best so far beside the others' median."""
        step = max(values)
        finite = [value for value in values.values() if not math.isnan(value)]
        if not finite:
            return f"{self._metric} was nan up to step {step}"
        best = max(finite) if self._study.direction is StudyDirection.MAXIMIZE else min(finite)
        complete = (each for each in trials if each.state is OptunaState.COMPLETE)
        others = [each.intermediate_values[step] for each in complete if step in each.intermediate_values]
        median = statistics.median(value for value in others if not math.isnan(value))
        side = "below" if self._study.direction is StudyDirection.MAXIMIZE else "above"
        return f"{best:.6g} at best by step {step}, {side} the median {median:.6g} of {len(others)} trials"

    @uninterrupted()
    def finish(self, trial_id: int, outcome: Outcome, *, stopped_early: bool = False) -> Trial:
        """Records how a trial ended; from here on it is never run again."""
        trial = self._trials[trial_id]
        seen = self._frozen(trial_id).intermediate_values
        with self._together():
            trial.set_user_attr(_ENDING, {**asdict(outcome), "stopped_early": stopped_early})
            for step, value in by_step(self._measurements(trial_id)).items():
                if step not in seen:
                    trial.report(value, step)
        self._curves.pop(trial_id, None)
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
        """Returns one trial as it now is."""
        return self._look_at(trial_id - 1)

    def study(self) -> Study:
        """Returns the study as it now is, or, to who only reads, as it was when it was first asked for."""
        if not self._seen:
            self._look_for_new()
        for number in [*self._unfinished]:
            self._look_at(number)
        goal = next(goal for goal, direction in _DIRECTIONS.items() if direction is self._study.direction)
        return Study(self._name, self._metric, goal, self._max_trials, tuple(self._seen))

    def _look_for_new(self) -> None:
        """Takes note of trials begun since the last time, without looking at all the others again."""
        count = len(self._study.get_trials(deepcopy=False))
        for number in range(len(self._seen), count):
            self._seen.append(_to_trial(self._frozen(number + 1), self._space))
            self._unfinished.add(number)

    def _look_at(self, number: int) -> Trial:
        """Brings what is known of a trial up to date, unless it has finished."""
        if number in self._unfinished:
            trial = _to_trial(self._frozen(number + 1), self._space)
            if trial.state.finished:
                self._unfinished.discard(number)
            else:
                trial = replace(trial, measurements=tuple(self._measurements(trial.id)))
            self._seen[number] = trial
        return self._seen[number]

    def _frozen(self, trial_id: int) -> FrozenTrial:
        return self._study._storage.get_trial(self._optuna_id(trial_id))

    def _optuna_id(self, trial_id: int) -> int:
        """Returns Optuna's id of a trial: its number, for the journal has no other study."""
        return trial_id - 1

    def _measurements(self, trial_id: int) -> Sequence[Measurement]:
        """Returns a trial's measurements before the study has them."""
        if trial_id in self._curves:
            return self._curves[trial_id].measurements
        return read_curve(self._job_dir.trial(trial_id).measurements)


def _usual_source(trials: Iterable[FrozenTrial]) -> Source:
    """Returns the most deliberate source that judged a trial."""
    endings = (trial.user_attrs.get(_ENDING, {}) for trial in trials)
    names = {ending.get("source") for ending in endings if ending.get("exit_code") == 0}
    return max((Source[name] for name in names if name), default=Source.PRINTED_IN_PASSING)


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
        message=ending.get("message", "") or ending.get("note", ""),
        start_time=_time(ending.get(_START, frozen.user_attrs.get(_START))),
        end_time=_time(ending.get("end_time_s")),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@uninterrupted()
def create_or_open(
    job_dir: JobDir,
    name: str,
    metric: str,
    goal: Goal,
    max_trials: int,
    space: SearchSpace,
    sampler: BaseSampler,
    trainer: str = "",
    warn: Callable[[str], None] = print,
) -> StudyStore:
    """Opens the study to run its trials; the caller holds the job's lock.

    Args:
        job_dir: The job's directory.
        name: The job's name.
        metric: The objective's tag.
        goal: Which way it is to go.
        max_trials: How many trials the job is for.
        space: The job's parameters.
        sampler: What suggests their values.
        trainer: Tells the trainer's versions apart; kept with each trial.
        warn: Is told of a journal that was damaged and could be mended.

    Raises:
        JobDirError: The journal is damaged.
    """
    with _damage_reported(job_dir.journal):
        for file in mend(job_dir.journal, job_dir.journal_copy):
            other = ({job_dir.journal, job_dir.journal_copy} - {file}).pop()
            warn(f"{file} was damaged and is mended from {other.name}; it is kept as {file.name}.damaged")
        journal = Journal(job_dir.journal, job_dir.journal_copy)
        study = optuna.create_study(
            study_name=_STUDY,
            storage=JournalStorage(journal),
            direction=_DIRECTIONS[goal],
            sampler=sampler,
            pruner=MedianPruner(n_startup_trials=_MIN_OTHER_TRIALS, n_min_trials=_MIN_OTHER_TRIALS),
            load_if_exists=True,
        )
    return StudyStore(study, job_dir, name, metric, max_trials, space, trainer, journal.together)


def open_to_read(
    job_dir: JobDir, name: str, metric: str, max_trials: int, space: SearchSpace
) -> StudyStore | None:
    """Opens the study to look at it, while it runs or later; None where no trial was ever begun.

    Raises:
        JobDirError: The journal is damaged.
    """
    if not (job_dir.journal.is_file() or job_dir.journal_copy.is_file()):
        return None
    with _damage_reported(job_dir.journal):
        storage = JournalStorage(JournalSnapshot(job_dir.journal, job_dir.journal_copy))
        if _STUDY not in optuna.get_all_study_names(storage):
            return None
        study = optuna.load_study(study_name=_STUDY, storage=storage)
        return StudyStore(study, job_dir, name, metric, max_trials, space)


@contextmanager
def _damage_reported(journal: Path) -> Iterator[None]:
    try:
        yield
    except DamagedLineError as error:
        raise JobDirError(Fault(str(journal), f"is damaged, as is its copy: {error} in either")) from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise JobDirError(Fault(str(journal), f"is damaged ({type(error).__name__}: {error})")) from error
