"""Deletes a job's directory: only what is one, and all of it or nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hptune.backends.local import job_record
from hptune.errors import Fault, JobDirError
from hptune.storage.job_dir import JobDir

_NAMED = 3


def check(job_dir: JobDir) -> None:
    """Refuses a directory that holds no job, or something else beside it.

    Raises:
        JobDirError: It does.
    """
    job_record.read(job_dir)
    root = job_dir.root
    if root.is_symlink():
        raise JobDirError(Fault(str(root), f"is a link; name the job's directory, {os.path.realpath(root)}"))
    if Path.cwd().is_relative_to(root.resolve()):
        raise JobDirError(Fault(str(root), "is the current directory, or above it; go elsewhere first"))
    if foreign := sorted(path.name for path in root.iterdir() if not _is_of_job(job_dir, path)):
        names = ", ".join(map(repr, foreign[:_NAMED])) + (", ..." if len(foreign) > _NAMED else "")
        raise JobDirError(Fault(str(root), f"holds {names}, which hptune did not make; move that away first"))


def delete(job_dir: JobDir) -> None:
    """Deletes the directory; whoever calls this holds the job's lock.

    Renamed first: a deletion that is cut off leaves no half of a job to be taken up.
    """
    doomed = job_dir.root.with_name(f".{job_dir.root.name}.deleted-{os.getpid()}")
    job_dir.root.rename(doomed)
    shutil.rmtree(doomed)


def _is_of_job(job_dir: JobDir, path: Path) -> bool:
    own = (job_dir.state, job_dir.results, job_dir.report, job_dir.final.output)
    return path in own or (path.name.isdecimal() and path.is_dir())
