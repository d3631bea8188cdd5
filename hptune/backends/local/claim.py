"""What was submitted, as a job's directory keeps it: what a later run must ask for again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hptune.errors import Fault, JobDirError
from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import TuningJob, differences, parse_training_input
from hptune.storage.job_dir import JobDir, write_json

_FORMAT = 1
# What must be the same for a job to be taken up again.
_IDENTITY = ("name", "trainingInput", "module", "command", "pythonPath", "args", "passJobDir", "seed")


def claim(
    job_dir: JobDir, submission: Submission, earlier_trials: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Records what was submitted, or checks that it is what was submitted before; returns the record.

    Raises:
        JobDirError: The directory holds another job, or its record is damaged.
    """
    asked = {
        "format": _FORMAT,
        "name": submission.name,
        "trainingInput": submission.job.training_input,
        "module": submission.program.module,
        "command": list(submission.program.command),
        "pythonPath": list(submission.program.python_path),
        "args": list(submission.user_args),
        "passJobDir": submission.pass_job_dir,
        "seed": submission.seed,
    }
    if job_dir.job.is_file():
        record = read(job_dir)
        _refuse_changed(job_dir, record, asked)
        return record
    record = {**asked, "earlierTrials": earlier_trials, "createTime": datetime.now(UTC).isoformat()}
    write_json(job_dir.job, record)
    return record


def read(job_dir: JobDir) -> dict[str, Any]:
    """What `claim` recorded.

    Raises:
        JobDirError: There is no such job, or its record is damaged.
    """
    path = job_dir.job
    if not path.is_file():
        raise JobDirError(Fault(str(job_dir.root), f"holds no hptune job ({path} does not exist)"))
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in (*_IDENTITY, "earlierTrials", "createTime") if key not in record]
    except (ValueError, TypeError) as error:
        raise JobDirError(Fault(str(path), f"is damaged ({error})")) from error
    if missing:
        raise JobDirError(Fault(str(path), f"is damaged (no {', '.join(missing)})"))
    return record


def job_of(job_dir: JobDir, record: dict[str, Any]) -> TuningJob:
    """The job that a record of ``job_dir`` asks for."""
    return parse_training_input(record["trainingInput"], str(job_dir.job))


def submission_of(job_dir: JobDir, record: dict[str, Any]) -> Submission:
    """The submission that a record of ``job_dir`` was made of."""
    return Submission(
        name=record["name"],
        job=job_of(job_dir, record),
        program=Program(record["module"], tuple(record["command"]), tuple(record["pythonPath"])),
        user_args=tuple(record["args"]),
        job_dir=str(job_dir.root),
        pass_job_dir=record["passJobDir"],
        seed=record["seed"],
    )


def _refuse_changed(job_dir: JobDir, record: dict[str, Any], asked: dict[str, Any]) -> None:
    changes = differences({k: record[k] for k in _IDENTITY}, {k: asked[k] for k in _IDENTITY})
    if changes:
        what = "holds another job; run that one again, or choose another --job-dir. What differs:"
        raise JobDirError(Fault(str(job_dir.root), "\n    ".join([what, *changes])))
