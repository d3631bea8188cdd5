"""A job's status in a JSON file, so that a step can hand its study to the next one."""

from __future__ import annotations

from pathlib import Path

from hptune.errors import DataError, Fault
from hptune.results.study import JobStatus
from hptune.storage.job_dir import write_json
from hptune.storage.json_form import JsonForm

_FORM = JsonForm(JobStatus)


def save_status(path: Path, status: JobStatus) -> None:
    """Writes a job's status, all its measurements included."""
    write_json(path, _FORM.content(status))


def load_status(path: Path) -> JobStatus:
    """Reads what `save_status` wrote.

    Raises:
        DataError: It is no such file.
    """
    try:
        return _FORM.parse(path.read_bytes())
    except OSError as error:
        raise DataError(Fault(str(path), f"cannot be read: {error.strerror}")) from error
    except ValueError as error:
        raise DataError(Fault(str(path), f"is not a study that hptune wrote ({error})")) from error
