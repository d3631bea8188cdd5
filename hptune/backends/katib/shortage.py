"""Says what a trial asks for that no node has free, who asked for it, and what asks for less."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hptune.backends.katib.cluster.capacity import asked_for, most_of_each
from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.annotations import read_submission
from hptune.backends.katib.experiment.resources import GPU, resources
from hptune.backends.katib.options import KatibOptions
from hptune.backends.katib.status import trainer_container
from hptune.errors import ClusterError

Nodes = Callable[[], Sequence[Object]]
"""The cluster's nodes; none where it does not tell."""

_FLAGS = {"cpu": "--cpu", "memory": "--memory", GPU: "--gpus"}
_GIB = 2**30


def explain_shortage(message: str, pod: Object, experiment: Object, nodes: Nodes) -> str:
    """Explains why the scheduler finds no node for a trial.

    Args:
        message: The scheduler's.
        pod: The trial's.
        experiment: The job's Experiment.
        nodes: Asked only where a node has too little of something.

    Returns:
        A sentence without its full stop; empty where the scheduler misses something else.
    """
    asked = asked_for(trainer_container(pod).get("resources") or {})
    short = [kind for kind in _FLAGS if f"Insufficient {kind}" in message and kind in asked]
    if not short:
        return ""
    job = read_submission(experiment).job
    of_machine = asked_for(resources(job, KatibOptions()))
    from_machine = [kind for kind in short if asked[kind] == of_machine.get(kind)]
    wanted = _listed(
        f"{_amount(kind, asked[kind])} ({job.machine.name if kind in from_machine else _FLAGS[kind]})"
        for kind in short
    )
    if found := nodes():
        most = most_of_each(found)
        largest = _listed(_amount(kind, most.get(kind, 0.0)) for kind in short)
        wanted += f", and no node has more than {largest}"
    ways = [*(_FLAGS[kind] for kind in short), *(["a smaller machine"] if from_machine else [])]
    return f"each trial asks for {wanted}; {_listed(ways, 'or')} asks for less"


def nodes_if_told(cluster: Cluster) -> Sequence[Object]:
    """Lists the cluster's nodes; none for who lacks that right, which few have, since no Role gives it."""
    try:
        return cluster.nodes()
    except ClusterError:
        return ()


def _amount(kind: str, amount: float) -> str:
    if kind == "memory":
        return f"{amount / _GIB:.4g} GiB of memory"
    return f"{amount:.4g} {'CPU' if kind == 'cpu' else 'GPU'}{'' if amount == 1 else 's'}"


def _listed(words: Iterable[str], last_word: str = "and") -> str:
    *first, last = words
    return f"{', '.join(first)} {last_word} {last}" if first else last
