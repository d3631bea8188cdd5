"""The results that a job in a cluster leaves in its directory, so that none is lost with the Experiment."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hptune.results.ml_engine import training_output
from hptune.results.status_file import load_status, save_status
from hptune.results.study import JobStatus
from hptune.results.tensorboard import write_trial_events
from hptune.storage import transfer
from hptune.storage.job_dir import JobDir, write_json
from hptune.storage.remote import is_remote


def is_within_reach(job_dir: str) -> bool:
    """Returns whether this process can write to a job's directory: a path may be of the pods alone."""
    return bool(job_dir) and (is_remote(job_dir) or transfer.local_path(job_dir).is_dir())


def save_cluster_results(status: JobStatus, job_dir: str) -> None:
    """Writes a job's trials, as ML Engine's ``trainingOutput`` and with all that is known, to its directory.

    Args:
        status: The job.
        job_dir: The job's directory or URI.

    Raises:
        UsageError: The address cannot be written to.
        StorageError: The files cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = JobDir(Path(folder))
        write_json(files.results, {"trainingOutput": training_output(status.study)})
        save_status(files.study, status)
        for trial in status.study.finished:
            write_trial_events(files.tensorboard(trial.id), status.study, trial)
        transfer.put(files.root, job_dir)


def load_cluster_results(job_dir: str) -> JobStatus:
    """Loads the job that a cluster's left in its directory, in a bucket or on a volume.

    Raises:
        UsageError: There is none.
        StorageError: It cannot be read.
        DataError: It is damaged.
    """
    file = JobDir(Path()).study
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        transfer.fetch(f"{job_dir.rstrip('/')}/{file.as_posix()}", copy)
        return load_status(copy)
