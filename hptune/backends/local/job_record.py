"""The record of a job in its directory: what was submitted, which a later run must ask for again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import ConfigDict

from hptune.errors import Fault, JobDirError
from hptune.job.submission import Submission
from hptune.job.tuning_job import differences
from hptune.storage.job_dir import JobDir, write_json
from hptune.storage.json_form import JSON_FORM, JsonForm


@dataclass(frozen=True)
class Record:
    """What `claim` recorded.

    Attributes:
        submission: What was submitted.
        earlier_trials: Those of resumePreviousJobId, as `hptune.backends.local.previous_trials` reads them.
        create_time: When it was first submitted.
    """

    __pydantic_config__: ClassVar[ConfigDict] = JSON_FORM

    submission: Submission
    earlier_trials: list[dict[str, Any]] = field(default_factory=list)
    create_time: datetime = field(default_factory=lambda: datetime.now(UTC))


def _of_format_1(content: dict[str, Any]) -> dict[str, Any]:
    job = {"source": "", "trainingInput": content["trainingInput"], "warnings": []}
    program = {key: content[key] for key in ("module", "command", "pythonPath")}
    same = {key: content[key] for key in ("name", "passJobDir", "seed")}
    submission = {**same, "job": job, "program": program, "userArgs": content["args"], "jobDir": ""}
    return {"submission": submission, **{key: content[key] for key in ("earlierTrials", "createTime")}}


_FORM = JsonForm(Record, 2, {1: _of_format_1})


def claim(job_dir: JobDir, submission: Submission, earlier_trials: Sequence[dict[str, Any]]) -> Record:
    """Records what was submitted, or checks that it is what was submitted before; returns the record.

    Raises:
        JobDirError: The directory holds another job, or its record is damaged.
    """
    if job_dir.job.is_file():
        record = read(job_dir)
        _refuse_changed(job_dir, record.submission, submission)
        return _with_place(job_dir, record, submission)
    record = Record(submission, list(earlier_trials))
    write_json(job_dir.job, _FORM.content(record))
    return record


def _with_place(job_dir: JobDir, record: Record, submission: Submission) -> Record:
    """Returns the record with what may change: a runtime, which the trainer lacked, and how it runs here."""
    former = record.submission
    asked = replace(
        former,
        runtime=submission.runtime,
        cluster_size=submission.cluster_size,
        cold=submission.cold,
        slots=submission.slots,
    )
    if asked == former:
        return record
    changed = replace(record, submission=asked)
    write_json(job_dir.job, _FORM.content(changed))
    return changed


def read(job_dir: JobDir) -> Record:
    """Reads what `claim` recorded; the job is where its directory now is.

    Raises:
        JobDirError: There is no such job, or its record is damaged.
    """
    path = job_dir.job
    if not path.is_file():
        raise JobDirError(Fault(str(job_dir.root), f"holds no hptune job ({path} does not exist)"))
    try:
        record = _FORM.parse(path.read_bytes())
    except ValueError as error:
        raise JobDirError(Fault(str(path), f"is damaged ({error})")) from error
    submission = record.submission
    job = replace(submission.job, source=submission.job.source or str(path))
    return replace(record, submission=replace(submission, job=job, job_dir=str(job_dir.root)))


def _refuse_changed(job_dir: JobDir, recorded: Submission, asked: Submission) -> None:
    changes = differences(_identity(recorded), _identity(asked))
    if changes:
        what = "holds another job; run that one again, or choose another --job-dir. What differs:"
        raise JobDirError(Fault(str(job_dir.root), "\n    ".join([what, *map(asked.job.explain, changes)])))


def _identity(submission: Submission) -> dict[str, Any]:
    """Leaves out what may change: the directory can be moved, and archives are installed once."""
    return {k: v for k, v in submission.identity.items() if k not in ("jobDir", "packages")}
