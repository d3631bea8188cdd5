"""Reads what finished trials have left in the job's directory: how they ended, and their curves.

Katib's own database keeps the measurements as well, but only its own services can ask it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hptune.errors import InputError
from hptune.results.curve import curve_of
from hptune.results.study import Measurement
from hptune.storage import transfer
from hptune.storage.job_dir import JobDir, TrialDir
from hptune.storage.remote import is_remote
from hptune.trial.metrics.curve import read_curve
from hptune.trial.outcome import Outcome

MAX_CURVE_BYTES = 64 * 1024**2
"""Limits one trial's measurements: whoever asks where a job stands must not wait for more."""

# Between the clocks of a node and of the control plane.
_CLOCKS = timedelta(minutes=5)


@dataclass(frozen=True)
class FinishedTrial:
    """What a trial has left.

    Attributes:
        outcome: How its trainer ended.
        curve: What it measured, as a study keeps it.
    """

    outcome: Outcome
    curve: tuple[Measurement, ...]


def read_finished_trials(job_dir: str, trials: Iterable[str], since: datetime) -> dict[str, FinishedTrial]:
    """Reads what trials have left; those of which nothing usable is there are left out.

    Args:
        job_dir: The job's directory: a URI, or a path that may be one of the trials' pods only.
        trials: What the directory calls them.
        since: When the job was made; what is older is of an earlier job in the same directory.

    Raises:
        UsageError: The directory's address cannot be used from here.
        StorageError: It cannot be read.
    """
    if not is_remote(job_dir):
        return _read(JobDir(transfer.local_path(job_dir)), trials, since)
    with tempfile.TemporaryDirectory() as folder:
        copy = JobDir(Path(folder))
        _fetch(job_dir, copy, trials)
        return _read(copy, trials, since)


def _fetch(job_dir: str, copy: JobDir, trials: Iterable[str]) -> None:
    place = f"{job_dir.rstrip('/')}/{JobDir(Path()).trials.as_posix()}"
    wanted = {
        file.relative_to(copy.trials).as_posix() for trial in trials for file in _files(copy.trial(trial))
    }
    found = transfer.bucket_files(place)
    sizes = {name: size for name, size in found.items() if name in wanted and size <= MAX_CURVE_BYTES}
    if sizes:
        transfer.fetch_files(place, sizes, copy.trials)


def _files(trial: TrialDir) -> tuple[Path, Path]:
    return trial.outcome, trial.measurements


def _read(directory: JobDir, trials: Iterable[str], since: datetime) -> dict[str, FinishedTrial]:
    records = {name: _record(directory.trial(name)) for name in trials}
    earliest_s = (since - _CLOCKS).astimezone(UTC).timestamp()
    return {n: r for n, r in records.items() if r and _began_s(r.outcome) >= earliest_s}


def _began_s(outcome: Outcome) -> float:
    return outcome.end_time_s if outcome.start_time_s is None else outcome.start_time_s


def _record(trial: TrialDir) -> FinishedTrial | None:
    try:
        outcome = Outcome.load(trial.outcome)
        if outcome is None or trial.measurements.stat().st_size > MAX_CURVE_BYTES:
            return None
        return FinishedTrial(outcome, curve_of(read_curve(trial.measurements, strict=True)))
    except (OSError, ValueError, TypeError, KeyError, InputError):
        # The caller tells of every trial without one.
        return None
