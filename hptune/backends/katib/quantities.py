"""Kubernetes' quantities, read as people write them and written as Kubernetes does.

By hand, because ``kubernetes.utils.quantity`` comes with a client that only ``cluster`` may import, and that
`hptune katib` works without.
"""

from __future__ import annotations

import re

MIB = 2**20

_UNITS = {"": 1, **{f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}}
_SIZE = re.compile(rf"(\d{{1,15}})({'|'.join(_UNITS)})", re.ASCII)
_MILLI = re.compile(r"(\d{1,9})m", re.ASCII)


def read_bytes(value: object) -> object:
    """Reads an amount of memory, such as 512Mi or 16Gi, in bytes; returns any other text as it is."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _UNITS[match[2]] if match else value


def read_cpus(value: object) -> object:
    """Reads thousandths of a CPU, such as 500m, as a number of CPUs; returns any other text as it is."""
    match = _MILLI.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) / 1000 if match else value


def cpu_quantity(cpu: float) -> str:
    """Writes CPUs as Kubernetes does: Katib refuses a Job that changes when it is read and written."""
    milli = max(int(cpu * 1000), 1)
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def bytes_quantity(size: int) -> str:
    """Writes bytes as Kubernetes does, rounded down to whole MiB, at least 1 MiB."""
    amount, unit = size // MIB, "Mi"
    for larger in ("Gi", "Ti"):
        if amount % 1024 == 0:
            amount, unit = amount // 1024, larger
        else:
            break
    return f"{amount}{unit}"
