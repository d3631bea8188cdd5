"""What every backend returns: a study of trials, each with its measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import AfterValidator, ConfigDict, PlainSerializer

from hptune.search.space import Value
from hptune.storage.json_form import JSON_FORM

if TYPE_CHECKING:
    import pandas

# JSON has no NaN and no infinity; float() reads these words back.
_Number = Annotated[float, PlainSerializer(lambda value: value if math.isfinite(value) else str(value))]
_Time = Annotated[
    datetime,
    AfterValidator(lambda time: time.astimezone(UTC) if time.tzinfo else time),
    PlainSerializer(datetime.isoformat),
]


MASTER_TASK = "master-replica-0"
"""The name, in logs, of the task that is measured; most trials have no other."""


class Goal(StrEnum):
    """Which way the objective is to go."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    def better(self, a: float, b: float) -> bool:
        """Returns whether ``a`` is strictly better than ``b``."""
        return a > b if self is Goal.MAXIMIZE else a < b


class TrialState(StrEnum):
    """States of a trial, named as ML Engine named them."""

    QUEUED = "QUEUED"
    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def finished(self) -> bool:
        """Whether the trial will not change any more."""
        return self in (TrialState.SUCCEEDED, TrialState.FAILED, TrialState.CANCELLED)


@dataclass(frozen=True)
class Measurement:
    """The objective as a trainer reported it once.

    Attributes:
        value: The objective; may be NaN or infinite, as reported.
        step: The trainer's global step, 0 where it named none.
    """

    value: _Number
    step: int

    @property
    def finite(self) -> bool:
        """Whether the value can be compared with others."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Trial:
    """One run of the trainer with one suggestion.

    Attributes:
        id: The trial's number, counted from 1.
        parameters: Name to value, natural units, in the job file's order.
        state: Where it is in its life.
        measurements: What the trainer reported, oldest first.
        final: The objective it is judged by; None while it runs, and where it failed or reported nothing
            that can be compared.
        stopped_early: Whether the early-stopping rule ended it.
        message: Why it failed or has no objective; empty where all is well.
        start_time: When it first ran.
        end_time: When it finished.
    """

    id: int
    parameters: dict[str, Value]
    state: TrialState
    measurements: tuple[Measurement, ...] = field(default=(), repr=False)
    final: Measurement | None = None
    stopped_early: bool = False
    message: str = ""
    start_time: _Time | None = None
    end_time: _Time | None = None

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end; None until both are known, and where the clock was put back between."""
        if self.start_time is None or self.end_time is None or self.end_time < self.start_time:
            return None
        return (self.end_time - self.start_time).total_seconds()


@dataclass(frozen=True)
class Study:
    """The trials of one job.

    Attributes:
        name: The job's name.
        metric: The objective's tag.
        goal: Which way it is to go.
        max_trials: How many trials the job is for.
        trials: In order of their ids.
    """

    name: str
    metric: str
    goal: Goal
    max_trials: int
    trials: tuple[Trial, ...] = field(default=())

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """Best first; equal ones, and those without an objective (last), in order of their ids."""
        return tuple(sorted(self.trials, key=self._rank))

    def _rank(self, trial: Trial) -> tuple[bool, float, int]:
        sign = -1.0 if self.goal is Goal.MAXIMIZE else 1.0
        return trial.final is None, sign * trial.final.value if trial.final else 0.0, trial.id

    @property
    def best(self) -> Trial | None:
        """The trial with the best objective; None while there is none."""
        measured = (trial for trial in self.trials if trial.final)
        return min(measured, key=self._rank, default=None)

    @property
    def finished(self) -> tuple[Trial, ...]:
        """Trials that will not change any more."""
        return tuple(trial for trial in self.trials if trial.state.finished)

    def to_dataframe(self) -> pandas.DataFrame:
        """Returns the trials as a data frame of pandas, a row a trial in order of their ids.

        Its columns are ``trial``, ``objective``, ``step``, a ``parameter.NAME`` for each parameter,
        ``state``, ``stopped_early``, ``message``, ``start_time``, ``end_time`` and ``duration_s``.

        Raises:
            ModuleNotFoundError: pandas is not installed; hptune[pandas] brings it.
        """
        import pandas

        names = list(dict.fromkeys(name for trial in self.trials for name in trial.parameters))
        rows = [
            {
                "trial": trial.id,
                "objective": trial.final.value if trial.final else math.nan,
                "step": trial.final.step if trial.final else None,
                **{f"parameter.{name}": trial.parameters.get(name) for name in names},
                "state": trial.state.value,
                "stopped_early": trial.stopped_early,
                "message": trial.message,
                "start_time": trial.start_time,
                "end_time": trial.end_time,
                "duration_s": trial.duration_s,
            }
            for trial in self.trials
        ]
        return pandas.DataFrame(rows).astype({"step": "Int64"}) if rows else pandas.DataFrame()

    def _repr_html_(self) -> str:
        """Writes the study as notebooks show it: the best trial, a plot and the trials."""
        from hptune.results.study_html import study_html

        return study_html(self)

    def with_trial(self, changed: Trial) -> Study:
        """Returns the study with this trial in place of the one of its id."""
        return replace(self, trials=tuple(changed if t.id == changed.id else t for t in self.trials))

    def cut_off(self) -> Study:
        """Returns the study of a job that does not run any more, and so none of its trials."""
        trials = tuple(
            trial if trial.state.finished else replace(trial, state=TrialState.CANCELLED)
            for trial in self.trials
        )
        return replace(self, trials=trials)


class JobState(StrEnum):
    """States of a job, named as ML Engine named them."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class JobStatus:
    """Where a job stands.

    Attributes:
        state: The job's state.
        study: The job's trials so far.
        training_input: What was submitted.
        message: Why it failed or stopped; empty where it did not.
        create_time: When it was first submitted.
        end_time: When its last run ended; None while it runs.
        start_time: When the run began that it is in; None where that is not known.
        suggested_by: Katib's name of its own algorithm that suggested the trials; empty where hptune's did,
            which the job file names.
    """

    __pydantic_config__: ClassVar[ConfigDict] = JSON_FORM

    state: JobState
    study: Study
    training_input: dict[str, Any]
    message: str
    create_time: _Time
    end_time: _Time | None
    start_time: _Time | None = None
    suggested_by: str = ""


@dataclass(frozen=True)
class LogLine:
    """One line that a trial's trainer printed.

    Attributes:
        trial_id: The trial.
        text: The line, without its end.
        time: When its log had last been written as the line was read.
        task: The trial's task that printed it, by the service's name.
    """

    trial_id: int
    text: str
    time: datetime
    task: str = MASTER_TASK


class Observer(Protocol):
    """Is told of every change of a trial: begun, measured, finished."""

    def __call__(self, study: Study, trial: Trial, /) -> None:
        """Takes the study as it now is and the trial that changed."""
