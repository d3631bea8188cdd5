"""What nodes have to give, and what a container asks for, as numbers: CPUs, bytes, GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubernetes.utils.quantity import parse_quantity

from hptune.backends.katib.cluster.watch import Object

Amounts = Mapping[str, float]
"""By Kubernetes' name of a resource, such as cpu, memory and nvidia.com/gpu."""


def most_of_each(nodes: Iterable[Object]) -> Amounts:
    """Returns the most of each resource that any one node gives to pods, whatever runs there now."""
    most: dict[str, float] = {}
    for node in nodes:
        for kind, amount in _amounts(node["status"].get("allocatable")).items():
            most[kind] = max(amount, most.get(kind, 0.0))
    return most


def asked_for(resources: Object) -> Amounts:
    """Returns what a container's ``resources`` ask a node for: a limit alone is a request."""
    return {**_amounts(resources.get("limits")), **_amounts(resources.get("requests"))}


def _amounts(quantities: Mapping[str, str] | None) -> dict[str, float]:
    return {kind: float(parse_quantity(quantity)) for kind, quantity in (quantities or {}).items()}
