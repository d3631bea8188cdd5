"""What a backend is: it takes a whole job and returns its study.

The boundary is a job and not a trial because Katib owns its own loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from hptune.job import TuningJob
from hptune.jobdir import TrialDir
from hptune.space import Value, format_values
from hptune.study import Study, Trial
from hptune.trial.spec import Program, TrialSpec


@dataclass(frozen=True)
class Submission:
    """A job and how to run it: what gcloud's command line said.

    Attributes:
        name: The job's name, ML Engine's jobId.
        job: The job file.
        program: The trainer.
        user_args: The user's own arguments for it.
        job_dir: Where the job lives: a directory of this machine or, for a cluster, a URI.
        pass_job_dir: Whether trainers are given ``--job-dir``.
        packages: Archives of Python packages to install for the trainer: files of this machine or, for a
            cluster, addresses.
        seed: Seed of the suggestions.
    """

    name: str
    job: TuningJob
    program: Program
    user_args: tuple[str, ...]
    job_dir: str
    pass_job_dir: bool = True
    packages: tuple[Path | str, ...] = ()
    seed: int = 0

    @property
    def study(self) -> Study:
        """The study before its first trial."""
        return Study(self.name, self.job.metric, self.job.goal, self.job.max_trials)

    @property
    def first_points(self) -> list[dict[str, Value]]:
        """The point that the user's own arguments name, if that gives each parameter a value in its range."""
        given = _values_of(self.user_args)
        try:
            point = {p.name: p.parse(given[p.name]) for p in self.job.space}
        except (KeyError, ValueError):
            return []
        return [point] if self.job.space.contains(point) else []

    def trial_spec(self, trial: Trial, directory: TrialDir) -> TrialSpec:
        """What runs the trainer with a trial's parameters.

        Args:
            trial: Whose parameters, and whose number the trainer sees.
            directory: Where it runs.
        """
        return TrialSpec(
            trial_id=str(trial.id),
            job_id=self.name,
            metric=self.job.metric,
            program=self.program,
            directory=directory,
            user_args=self.user_args,
            parameters=format_values(trial.parameters),
            pass_job_dir=self.pass_job_dir,
            training_input=self.job.training_input,
            time_limit_s=self.job.max_running_time_s,
        )


def _values_of(user_args: Sequence[str]) -> dict[str, str]:
    values = {}
    for token, following in zip_longest(user_args, user_args[1:], fillvalue=""):
        name, equals, value = token.removeprefix("--").partition("=")
        if token.startswith("--"):
            values[name] = value if equals else following
    return values


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
        state: Its state.
        study: Its trials so far.
        training_input: What was submitted.
        message: Why it failed or stopped; empty where it did not.
        create_time: When it was first submitted.
        end_time: When its last run ended; None while it runs.
    """

    state: JobState
    study: Study
    training_input: dict[str, Any]
    message: str
    create_time: datetime
    end_time: datetime | None


@dataclass(frozen=True)
class LogLine:
    """One line that a trial's trainer printed.

    Attributes:
        trial_id: The trial.
        text: The line, without its end.
        time: When its log had last been written as the line was read.
    """

    trial_id: int
    text: str
    time: datetime


class Observer(Protocol):
    """Is told of every change of a trial: begun, measured, finished."""

    def __call__(self, study: Study, trial: Trial, /) -> None:
        """Takes the study as it now is and the trial that changed."""


class Backend(Protocol):
    """Runs whole jobs."""

    def run(self, submission: Submission, observe: Observer) -> Study:
        """Runs the job to its end, or takes up one that was cut off.

        Raises:
            JobDirError: The job directory belongs to another job or is in use.
            JobFailed: Too many trials failed, or none has an objective.
            Interrupted: The user stopped it.
        """

    def describe(self) -> JobStatus:
        """Where the job stands.

        Raises:
            JobDirError: There is no such job.
        """

    def stream_logs(self) -> Iterator[LogLine]:
        """Yields what trainers print, until the job ends."""
