"""What a job in a cluster leaves in its job directory, so that nothing is lost with the Experiment."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hptune import storage
from hptune.backends.base import JobStatus
from hptune.jobdir import JobDir, write_json
from hptune.results import training_output
from hptune.statusfile import save_status


def is_within_reach(job_dir: str) -> bool:
    """Whether this process can write to a job's directory: a path may be one of the trials' pods only."""
    return bool(job_dir) and (storage.is_remote(job_dir) or storage.local_path(job_dir).is_dir())


def keep(status: JobStatus, job_dir: str) -> None:
    """Writes a job's trials, as ML Engine's ``trainingOutput`` and with all that is known, to its directory.

    Args:
        status: The job.
        job_dir: Its directory, or a URI.

    Raises:
        UsageError: The address cannot be written to.
        StorageError: The files cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = JobDir(Path(folder))
        write_json(files.results, {"trainingOutput": training_output(status.study)})
        save_status(files.study, status)
        storage.put(files.root, job_dir)
