"""What a backend is: it takes a whole job and returns its study.

The boundary is a job and not a trial because Katib owns its own loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from hptune.job.submission import Submission
from hptune.results.study import JobStatus, LogLine, Observer, Study


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
