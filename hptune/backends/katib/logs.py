"""What trainers print in a cluster, followed across trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.names import TRIAL_LABEL
from hptune.backends.katib.status import View, decisive_failure, has_ended, has_started
from hptune.backends.katib.tasks import container_name, task_name
from hptune.errors import ClusterError
from hptune.job.submission import Submission
from hptune.results.study import JobState, JobStatus, LogLine

_POLL_S = 1.0
_TAIL_LINES = 20


def follow(
    cluster: Cluster, read: Callable[[], View], is_running: Callable[[View], bool]
) -> Iterator[LogLine]:
    """Yields the lines of all trials, in order within each, until the job does not run any more.

    Args:
        cluster: The cluster that the job runs in.
        read: Reads the job.
        is_running: Whether more lines can come after those that a job, as read, has.
    """
    logs: dict[str, _Log] = {}
    while True:
        view = read()
        # Asked first: what is printed before the job ends is then read below.
        running = is_running(view)
        numbers = view.numbers()
        for pod in view.pods:
            trial = pod["metadata"].get("labels", {}).get(TRIAL_LABEL)
            if trial in numbers and has_started(pod):
                name = pod["metadata"]["name"]
                log = logs.setdefault(name, _Log(numbers[trial], pod))
                yield from log.read_new(cluster, to_end=not running or has_ended(pod))
        if not running:
            return
        time.sleep(_POLL_S)


def tail(cluster: Cluster, pod: Object) -> str:
    """Returns the last lines that a trainer printed, indented; where there are none, it says so."""
    name = pod["metadata"]["name"]
    content = cluster.log(name, container_name(pod), last_lines=_TAIL_LINES)
    lines = [_split(line)[1] for line in content.split(b"\n") if line]
    return "\n".join(f"    {line}" for line in lines) or "    (empty)"


def explain_failure(cluster: Cluster, submission: Submission, status: JobStatus, view: View) -> JobStatus:
    """Adds to a failed job's status the last lines of the trial that failed it."""
    trial = decisive_failure(submission, status.study)
    if status.state is not JobState.FAILED or trial is None or f"trial {trial.id} " not in status.message:
        return status
    name = next(name for name, number in view.numbers().items() if number == trial.id)
    pod = view.failed_beside(name) or view.pod_of(name)
    if pod is None:
        # Its message says so already.
        return status
    try:
        ending = tail(cluster, pod)
    except ClusterError as error:
        ending = f"    (cannot be read: {error})"
    return replace(status, message=f"{status.message}\nthe log of trial {trial.id} ends:\n{ending}")


class _Log:
    """One trainer's log, read from where the last read ended."""

    def __init__(self, trial_id: int, pod: Object) -> None:
        self._trial_id = trial_id
        self._pod = pod["metadata"]["name"]
        self._container = container_name(pod)
        self._task = task_name(pod)
        # A cluster gives what was printed from a whole second on, so those of that second are counted.
        self._since: datetime | None = None
        self._seen = 0
        self._done = False

    def read_new(self, cluster: Cluster, *, to_end: bool) -> Iterator[LogLine]:
        """Yields the lines printed since the last call; half a line only when nothing more is to come."""
        if self._done:
            return
        *lines, rest = cluster.log(self._pod, self._container, since=self._since).split(b"\n")
        split = [_split(line) for line in (*lines, *([rest] if rest and to_end else []))]
        for moment, text in split[self._seen :]:
            yield LogLine(self._trial_id, text, moment, self._task)
        if split:
            self._since = split[-1][0].replace(microsecond=0)
            self._seen = sum(moment >= self._since for moment, _ in split)
        self._done = to_end


def _split(line: bytes) -> tuple[datetime, str]:
    """Returns a line's time and its text; of a progress bar's line, what it ended with."""
    whole = line.decode("utf-8", "replace").rstrip("\r")
    stamp, _, text = whole.partition(" ")
    try:
        return datetime.fromisoformat(stamp), text.rpartition("\r")[2]
    except ValueError:
        # The node's own words where the log is out of its reach.
        return datetime.now(UTC), whole
