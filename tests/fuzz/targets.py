"""What is fuzzed: readers of what others wrote. Each takes any bytes and raises only what it promises."""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hptune.data.arrays import read_arrays
from hptune.errors import DataError, JobFileError
from hptune.job.tuning_job import parse_job, parse_training_input
from hptune.trial.metrics.event_file import EventFile
from hptune.trial.metrics.metric_file import HypertuneSource
from hptune.trial.metrics.reader import MetricReader

NOWHERE = Path("/nonexistent")
_MAX_DATA_BYTES = 2**24


def job_file(data: bytes) -> None:
    """A job file is refused, or is a job that reads back from its own training input."""
    job = None
    with suppress(JobFileError):
        job = parse_job(data.decode("utf-8", "replace"), "job.yaml")
    if job is None:
        return
    training_input = json.loads(json.dumps(job.training_input))
    again = parse_training_input(training_input, "again")
    assert (again.space, again.goal, again.max_trials) == (job.space, job.goal, job.max_trials)


def event_file(data: bytes) -> None:
    """Whatever an event file holds, what is read of it does not depend on how it grew."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.out.tfevents.1"
        path.write_bytes(data)
        whole = [*EventFile(path).read_new()]
        growing = EventFile(path)
        path.write_bytes(data[: len(data) // 2])
        parts = [*growing.read_new()]
        path.write_bytes(data)
        parts += growing.read_new()
        assert repr(parts) == repr(whole)


def metric_file(data: bytes) -> None:
    """A metric file is read to its end, and read again it has nothing new."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "output.metrics"
        path.write_bytes(data)
        source = HypertuneSource(path)
        for report in source.read_new():
            assert isinstance(report.tag, str)
        assert [*source.read_new()] == []


def printed(data: bytes) -> None:
    """What a trainer prints gives the same objective whether it comes at once or in pieces."""
    pieces = [data[start : start + 7] for start in range(0, len(data), 7)]
    assert _objective(pieces) == _objective([data])


def _objective(pieces: list[bytes]) -> str:
    reader = MetricReader("accuracy", summaries=NOWHERE, metric_file=NOWHERE)
    for piece in pieces:
        reader.read_output(piece)
    reader.finish()
    return repr((reader.objective.measurement, reader.hints.message("metricId")))


def data_file(data: bytes) -> None:
    """A data file is a data set or is refused; nothing that it holds is run."""
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        path = Path(folder) / "data"
        path.write_bytes(data)
        read_arrays(path, max_bytes=_MAX_DATA_BYTES)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (job_file, event_file, metric_file, printed, data_file)
}
