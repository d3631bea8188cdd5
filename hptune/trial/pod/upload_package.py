"""The trainer's package on its way to the pods."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from hptune.errors import Fault, UsageError
from hptune.job.submission import Submission
from hptune.storage import transfer
from hptune.storage.job_dir import JobDir
from hptune.trial.pod.packages import pack_package

_DIGEST_DIGITS = 16


def pack(submission: Submission, directory: Path, mount_path: str) -> tuple[Submission, Callable[[], None]]:
    """Packs the trainer's package for a place in the job's directory, from where each trial takes it.

    Args:
        submission: The job.
        directory: The package. Its archive is named by its content, so that the same again is the same job.
        mount_path: Where trials, and this process if it can, mount the volume of a job's directory that is a
            path.

    Returns:
        The submission with the package, and what puts the package there, which may raise a StorageError.

    Raises:
        UsageError: The package cannot be packed, or there is no place for it that trials can reach.
    """
    job_dir = submission.job_dir
    if not job_dir:
        raise _nowhere("needs a --job-dir, where trials find the package")
    if not transfer.is_remote(job_dir) and not Path(mount_path).is_dir():
        raise _nowhere(
            f"is here, and --job-dir on a volume that is not: there is no {mount_path}; give a URI"
        )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "package.tar.gz"
        digest = pack_package(directory, archive)
        content = archive.read_bytes()
    name = f"{directory.absolute().name}-{digest[:_DIGEST_DIGITS]}.tar.gz"
    address = f"{job_dir}/{(JobDir(Path()).packages / name).as_posix()}"
    packages = (*submission.packages, f"{address}#sha256={digest}")
    return replace(submission, packages=packages), partial(_put, content, address)


def _put(content: bytes, address: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "package.tar.gz"
        archive.write_bytes(content)
        transfer.put(archive, address)


def _nowhere(problem: str) -> UsageError:
    return UsageError(Fault("--package-path", problem))
