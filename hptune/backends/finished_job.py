"""A finished job of which only its directory is left, in a bucket or on a volume."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hptune.backends.base import Job
from hptune.console.program import command_to_type
from hptune.errors import Fault, UsageError
from hptune.results.cluster_results import load_cluster_results
from hptune.results.study import JobStatus, LogLine
from hptune.storage.job_dir import JobDir
from hptune.storage.remote import redacted


class FinishedJob(Job):
    """What a cluster's job left in its directory; nothing runs there any more.

    Args:
        job_dir: The directory or URI.
    """

    def __init__(self, job_dir: str) -> None:
        self._job_dir = job_dir

    def describe(self) -> JobStatus:
        """Tells where the job stood when it was written down. See `Job.describe`."""
        return load_cluster_results(self._job_dir)

    def stream_logs(self) -> Iterator[LogLine]:
        """Refuses: see `Job.stream_logs`.

        Raises:
            UsageError: Always. It says where the logs are.
        """
        logs = f"{redacted(self._job_dir).rstrip('/')}/{JobDir(Path()).trial('TRIAL').log.as_posix()}"
        problem = f"is a job of a cluster: its logs are {logs} once its trials have ended; while it runs"
        command = command_to_type("stream-logs JOB --namespace NAMESPACE")
        raise UsageError(Fault(redacted(self._job_dir), f"{problem}, '{command}'"))
