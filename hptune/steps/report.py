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
from hptune.search.space import SearchSpace
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
    _write_page(status, output, about)


def report_from_status(
    status_file: Path,
    *,
    page: Path,
    summary: Path,
    metadata: Mapping[str, object],
    seed: int | None = None,
    run: str = "",
) -> None:
    """Writes the report of a job whose directory may be out of reach, whole and in short.

    Args:
        status_file: The job's status, from `hptune.results.status_file.save_status`.
        page: The HTML page to write.
        summary: The Markdown to write.
        metadata: The metadata of the training's metrics; a cluster adds texts of its own to the numbers.
        seed: Seed of the suggestions; None where it is not known.
        run: The pipeline's run that this is part of; empty where that is not known.

    Raises:
        DataError: The status cannot be used.
        StorageError: The page or the summary cannot be written.
    """
    from hptune.results.report.summary import summarize

    final = {name: float(value) for name, value in metadata.items() if isinstance(value, int | float)}
    status, about = load_status(status_file), About(seed=seed, run=run, final=final)
    _write_page(status, page, about)
    _write(summary, summarize(status, *_search(status), about))


def _write_page(status: JobStatus, output: Path, about: About) -> None:
    # Takes a second with what it draws with, which --help need not wait for.
    from hptune.results.report.page import render

    _write(output, render(status, *_search(status), about))


def _search(status: JobStatus) -> tuple[SearchSpace, str]:
    """Returns the job's search space, and what searched it."""
    job = parse_training_input(status.training_input, status.study.name)
    return job.space, status.suggested_by or job.algorithm


def _write(output: Path, text: str) -> None:
    with atomic_file(output) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _relative(job_dir: str, page: Path) -> str | None:
    """Returns the job's directory as a URL relative to the page; None where a browser has no way to it."""
    if is_remote(job_dir) or not Path(job_dir).is_dir():
        return None
    path = os.path.relpath(Path(job_dir).absolute(), page.absolute().parent)
    return quote(f"{path}/")
