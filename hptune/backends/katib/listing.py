"""Lists the jobs of a namespace, with three questions for all of them together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.annotations import read_submission
from hptune.backends.katib.experiment.names import EXPERIMENT_LABEL
from hptune.backends.katib.status import View, status_of
from hptune.errors import JobDirError
from hptune.results.study import JobStatus


def list_jobs(cluster: Cluster) -> Iterator[tuple[str, Callable[[], JobStatus]]]:
    """Yields each job's name, in order of the names, with what tells where the job stands.

    Curves, which lie in the jobs' directories, are left out. Where an Experiment's record of its job is
    damaged the name is the Experiment's, and telling raises a JobDirError.

    Raises:
        ClusterError: The cluster cannot be asked.
    """
    experiments = cluster.experiments()
    trials, pods = _by_experiment(cluster.trials()), _by_experiment(cluster.pods())
    views = [View(each, trials[_name(each)], pods[_name(each)]) for each in experiments]
    yield from sorted(((_job_name(view.experiment), partial(_status, view)) for view in views), key=_by_name)


def _by_experiment(objects: Sequence[Object]) -> Mapping[str, list[Object]]:
    found: dict[str, list[Object]] = defaultdict(list)
    for each in objects:
        found[each["metadata"].get("labels", {}).get(EXPERIMENT_LABEL, "")].append(each)
    return found


def _job_name(experiment: Object) -> str:
    try:
        return read_submission(experiment).name
    except JobDirError:
        return _name(experiment)


def _status(view: View) -> JobStatus:
    return status_of(read_submission(view.experiment), view)


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _by_name(job: tuple[str, Callable[[], JobStatus]]) -> str:
    return job[0]
