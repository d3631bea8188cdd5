"""What a trial asks of a node, as Kubernetes' quantities.

A trial of ML Engine had its machine to itself. Here it asks for what a GKE node of that machine can give - a
pod that asks for all 8 CPUs of a machine never starts - and has no limit, so that it may use the rest too:

    memory  the machine's, less what GKE keeps (25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next
            8, 6 % of the next 112, 2 % of the rest, and 100 MiB for eviction), less 0.75 GiB for the
            cluster's own pods and Katib's sidecar
    CPU     the machine's, less what GKE keeps (6 % of the first, 1 % of the second, 0.5 % of the next two,
            0.25 % of the rest), less half a CPU for the same pods

and never for less than a quarter of the machine. Memory that somebody named is the trial's limit as well: a
trainer that leaks is then ended by itself, and not with whatever else is on its node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hptune.backends.katib.options import KatibOptions
from hptune.backends.katib.quantities import MIB, bytes_quantity, cpu_quantity
from hptune.job.tuning_job import TuningJob

GPU = "nvidia.com/gpu"
ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"

_GIB = 2**30
_REST = float("inf")
_MEMORY_KEPT = ((4.0, 0.25), (4.0, 0.20), (8.0, 0.10), (112.0, 0.06), (_REST, 0.02))
_EVICTION_BYTES = 100 * MIB
_OTHER_PODS_BYTES = 768 * MIB
_CPU_KEPT = ((1.0, 0.06), (1.0, 0.01), (2.0, 0.005), (_REST, 0.0025))
_OTHER_PODS_CPU = 0.5
_LEAST_SHARE = 0.25
_SHARED_MEMORY_SHARE = 0.5


def resources(job: TuningJob, options: KatibOptions) -> dict[str, Any]:
    """Builds the ``resources`` of the trainer's container; GPUs are limits, as Kubernetes wants them."""
    requests: dict[str, str] = {}
    if (cpu := _cpu(job, options)) is not None:
        requests["cpu"] = cpu_quantity(cpu)
    if (memory := memory_bytes(job, options)) is not None:
        requests["memory"] = bytes_quantity(memory)
    limits = {GPU: str(count)} if (count := options.gpu_count(job)) else {}
    if options.memory_bytes is not None:
        limits["memory"] = bytes_quantity(options.memory_bytes)
    return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}


def node_selector(job: TuningJob, options: KatibOptions) -> dict[str, str]:
    """Returns the labels that a trial's node must have."""
    accelerator = options.gke_accelerator(job)
    return {**({ACCELERATOR_LABEL: accelerator} if accelerator else {}), **options.node_selector}


def shared_memory(job: TuningJob, options: KatibOptions) -> dict[str, str]:
    """Builds the ``emptyDir`` of /dev/shm: Kubernetes' own 64 MiB are too few for data loaders."""
    size = options.shared_memory_bytes
    if size is None and (memory := memory_bytes(job, options)) is not None:
        size = int(memory * _SHARED_MEMORY_SHARE)
    return {"medium": "Memory", **({"sizeLimit": bytes_quantity(size)} if size else {})}


def memory_bytes(job: TuningJob, options: KatibOptions) -> int | None:
    """Returns the memory that a trial asks for; None where neither the options nor the machine say."""
    if options.memory_bytes is not None or job.machine.memory_bytes is None:
        return options.memory_bytes
    total = job.machine.memory_bytes
    kept = _kept(total / _GIB, _MEMORY_KEPT) * _GIB + _EVICTION_BYTES + _OTHER_PODS_BYTES
    return int(max(total - kept, total * _LEAST_SHARE))


def _cpu(job: TuningJob, options: KatibOptions) -> float | None:
    if options.cpu is not None or job.machine.cpu is None:
        return options.cpu
    total = job.machine.cpu
    return max(total - _kept(total, _CPU_KEPT) - _OTHER_PODS_CPU, total * _LEAST_SHARE)


def _kept(amount: float, steps: Sequence[tuple[float, float]]) -> float:
    """Returns what GKE keeps of ``amount``: of each step's width its share."""
    kept = 0.0
    for width, share in steps:
        kept += min(amount, width) * share
        amount -= min(amount, width)
    return kept
