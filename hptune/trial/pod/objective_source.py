"""What a job's earlier trials tell one that begins: the source that its trainer's objective comes from.

Katib's early stopping begins when three trials have succeeded. A trial that begins then can read how they
were judged where the job has a directory, and so show its collector what will judge it and nothing else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from hptune.storage import transfer
from hptune.storage.job_dir import JobDir
from hptune.storage.remote import is_remote
from hptune.trial.metrics.report import Source
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TrialSpec

# Enough to know a trainer by.
_MAX_OUTCOMES = 20


def may_be_stopped_early(spec: TrialSpec) -> bool:
    """Returns whether the job has trials stopped early."""
    return bool(spec.training_input.get("hyperparameters", {}).get("enableTrialEarlyStopping"))


def most_deliberate_source(spec: TrialSpec, upload_to: str | None) -> Source | None:
    """Finds the most deliberate source that judged an earlier trial of the job; None where none is known.

    Args:
        spec: The trial that begins.
        upload_to: The job's address, where trials leave their outcomes; None where they share a volume.

    Raises:
        HptuneError: The address cannot be read.
    """
    if not may_be_stopped_early(spec):
        return None
    if upload_to is None:
        return _most_deliberate(spec.directory.state.parent)
    if not is_remote(upload_to):
        return _most_deliberate(JobDir(transfer.local_path(upload_to)).trials)
    trials = f"{upload_to.rstrip('/')}/{JobDir(Path()).trials.as_posix()}"
    with tempfile.TemporaryDirectory(prefix="hptune-") as folder:
        sizes = transfer.bucket_files(trials)
        outcome = spec.directory.outcome.name
        names = [name for name in sizes if PurePosixPath(name).name == outcome and name.count("/") == 1]
        transfer.fetch_files(trials, {name: sizes[name] for name in names[:_MAX_OUTCOMES]}, Path(folder))
        return _most_deliberate(Path(folder), outcome)


def _most_deliberate(trials: Path, outcome: str = "outcome.json") -> Source | None:
    found = _sources(sorted(trials.glob(f"*/{outcome}"))[:_MAX_OUTCOMES])
    return max(found, default=None)


def _sources(paths: Iterable[Path]) -> Iterable[Source]:
    for path in paths:
        outcome = Outcome.load(path)
        if outcome and outcome.succeeded and outcome.source:
            yield Source[outcome.source]
