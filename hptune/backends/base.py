"""What a backend is: it takes a whole job and says where it stands.

The boundary is a job and not a trial because Katib owns its own loop. What only some can do is an interface
of its own. These are abstract classes, so that mypy checks every backend against them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from hptune.job.submission import Submission
from hptune.results.study import JobStatus, LogLine, Observer


class Job(ABC):
    """A job to look at, while it runs or later."""

    @abstractmethod
    def describe(self) -> JobStatus:
        """Tells where the job stands.

        Raises:
            InputError: There is no such job, or what is kept of it is damaged.
        """

    @abstractmethod
    def stream_logs(self) -> Iterator[LogLine]:
        """Yields what trainers printed, and print, until the job ends.

        Raises:
            InputError: There is no such job, or its logs are not kept.
        """


class Backend(Job):
    """Runs whole jobs."""

    @abstractmethod
    def run(self, submission: Submission, observe: Observer) -> JobStatus:
        """Runs the job to its end, or takes up one that was cut off; returns what `describe` returns then.

        Raises:
            JobDirError: The job directory belongs to another job or is in use.
            JobFailed: Too many trials failed, or none has an objective.
            Interrupted: The user stopped it.
        """

    @abstractmethod
    def recall(self) -> Submission:
        """Returns the submission that the job was made of.

        Raises:
            JobDirError: There is no such job.
        """

    @abstractmethod
    def follow_logs(self, is_running: Callable[[], bool]) -> Iterator[LogLine]:
        """Yields what trainers print while a `run` elsewhere says that the job runs."""


class Detachable(ABC):
    """A backend whose jobs run without anybody who waits for them."""

    @abstractmethod
    def submit(self, submission: Submission) -> None:
        """Starts the job, unless it was started before, and does not wait for it.

        Raises:
            JobDirError: There is another job of this name.
            UsageError: The job cannot run there.
        """


class Cancellable(ABC):
    """A backend whose jobs can be stopped from elsewhere."""

    @abstractmethod
    def cancel(self, record: str | None = None) -> str:
        """Stops the job; what is known of its trials is written down first.

        Args:
            record: The directory or URI for that; None for the job's own.

        Returns:
            Where it was written to.

        Raises:
            JobDirError: There is no such job.
            UsageError: The job's own directory cannot be reached from here; nothing is stopped.
            StorageError: What is known cannot be written; nothing is stopped.
        """


class Deletable(ABC):
    """A job that can be deleted once it has ended: its directory, or what a cluster has of it."""

    @abstractmethod
    def check_deletable(self) -> None:
        """Refuses what is not to be deleted.

        Raises:
            JobDirError: There is no such job, or it runs, or its directory holds something else too.
        """

    @abstractmethod
    def delete(self) -> str:
        """Deletes the job, so that it is there whole or not at all.

        Returns:
            The directory or URI that keeps what is known of its trials; empty where nothing does.

        Raises:
            JobDirError: See `check_deletable`.
            UsageError: What is known of a cluster's trials cannot be kept from here; nothing is deleted.
            StorageError: What is known of a cluster's trials cannot be written; nothing is deleted.
        """


class NamesTrials(ABC):
    """A backend that has names of its own for trials."""

    @abstractmethod
    def trial_names(self) -> dict[int, str]:
        """Returns the name of each trial by its number."""
