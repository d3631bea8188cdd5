"""Keeps what is known of a cluster's trials before they are removed there."""

from __future__ import annotations

from hptune.console.program import command_to_type
from hptune.errors import Fault, HptuneError, StorageError, UsageError
from hptune.results.cluster_results import is_within_reach, save_cluster_results
from hptune.results.study import JobStatus


def check_place(job_dir: str, words: str) -> None:
    """Refuses a job's directory that cannot be written to from here.

    Args:
        job_dir: The directory or URI.
        words: What names the job on the command line.

    Raises:
        UsageError: It is one.
    """
    if not is_within_reach(job_dir):
        problem = f"cannot be reached from here, and what is known of the trials would be lost; {_way(words)}"
        raise UsageError(Fault(f"the job's directory {job_dir!r}", problem))


def keep_or_refuse(status: JobStatus, place: str, words: str, *, chosen: bool) -> None:
    """Writes down what is known of a job's trials.

    Args:
        status: The job.
        place: The directory or URI to write to.
        words: What names the job on the command line.
        chosen: Whether somebody named that place, and can name another one.

    Raises:
        HptuneError: It cannot be written.
    """
    try:
        save_cluster_results(status, place)
    except HptuneError as error:
        if chosen:
            raise
        lost = "nothing was removed, for what is known of the trials would be lost"
        raise StorageError(f"{error}\n{lost}; {_way(words)}") from error


def _way(words: str) -> str:
    return f"'{command_to_type(f'cancel {words} --record DIRECTORY')}' keeps it elsewhere"
