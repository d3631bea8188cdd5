"""Step five: writes the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hptune.job.tuning_job import parse_training_input
from hptune.results.report_page import render
from hptune.results.status_file import load_status
from hptune.results.study import JobStatus
from hptune.storage.transfer import atomic_file


def report(status: JobStatus, output: Path, final: Mapping[str, float] | None = None) -> None:
    """Writes a job's report.

    Args:
        status: The job.
        output: The HTML page to write.
        final: What the training with the best parameters measured, by name; None where there was none.

    Raises:
        StorageError: The page cannot be written.
    """
    space = parse_training_input(status.training_input, status.study.name).space
    with atomic_file(output) as temporary:
        temporary.write_text(render(status, space, final), encoding="utf-8")


def report_from_status(status_file: Path, output: Path, metadata: Mapping[str, object]) -> None:
    """Writes the report of a job whose directory may be out of reach.

    Args:
        status_file: The job's status, from `hptune.results.status_file.save_status`.
        output: The HTML page to write.
        metadata: Of the training's metrics; a cluster adds texts of its own to the numbers.

    Raises:
        DataError: The status cannot be used.
        StorageError: The page cannot be written.
    """
    final = {name: float(value) for name, value in metadata.items() if isinstance(value, int | float)}
    report(load_status(status_file), output, final)
