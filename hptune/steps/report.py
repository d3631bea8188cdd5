"""Step five: writes the report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from hptune.job.submission import Submission
from hptune.job.tuning_job import parse_training_input
from hptune.results.report.facts import About
from hptune.results.status_file import load_status
from hptune.results.study import JobStatus
from hptune.storage.remote import is_remote
from hptune.storage.transfer import atomic_file


def report(status: JobStatus, output: Path, submission: Submission | None = None) -> None:
    """Writes a job's report.

    Args:
        status: The job.
        output: The HTML page to write.
        submission: What was submitted; None where that is not known.

    Raises:
        StorageError: The page cannot be written.
    """
    about = About()
    if submission:
        about = About(
            seed=submission.seed,
            command=submission.command_line,
            defaults=next(iter(submission.first_points), None),
            directory=_relative(submission.job_dir, output),
        )
    _write(status, output, about)


def report_from_status(
    status_file: Path, output: Path, metadata: Mapping[str, object], seed: int | None = None
) -> None:
    """Writes the report of a job whose directory may be out of reach.

    Args:
        status_file: The job's status, from `hptune.results.status_file.save_status`.
        output: The HTML page to write.
        metadata: The metadata of the training's metrics; a cluster adds texts of its own to the numbers.
        seed: Seed of the suggestions; None where it is not known.

    Raises:
        DataError: The status cannot be used.
        StorageError: The page cannot be written.
    """
    final = {name: float(value) for name, value in metadata.items() if isinstance(value, int | float)}
    _write(load_status(status_file), output, About(seed=seed, final=final))


def _write(status: JobStatus, output: Path, about: About) -> None:
    # Takes a second with what it draws with, which --help need not wait for.
    from hptune.results.report.page import render

    job = parse_training_input(status.training_input, status.study.name)
    with atomic_file(output) as temporary:
        temporary.write_text(render(status, job.space, job.algorithm, about), encoding="utf-8")


def _relative(job_dir: str, page: Path) -> str | None:
    """Returns the job's directory as a URL relative to the page; None where a browser has no way to it."""
    if is_remote(job_dir) or not Path(job_dir).is_dir():
        return None
    path = os.path.relpath(Path(job_dir).absolute(), page.absolute().parent)
    return quote(f"{path}/")
