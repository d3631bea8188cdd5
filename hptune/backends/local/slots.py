"""How trials that run at once share this machine's cores and GPUs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hptune.errors import HptuneError

T = TypeVar("T")

MAX_SLOTS = 200
"""As many as a user may ask for: each takes a few of the thousand files that a process may have open."""

_NVIDIA_SMI_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Slot:
    """One trial's share of the machine.

    Attributes:
        cores: Numbers of its cores.
        gpus: Its GPUs, as CUDA_VISIBLE_DEVICES names them.
        shares_gpus: Whether another slot has one of them too.
        whole: Whether it is the machine's only slot.
    """

    cores: tuple[int, ...]
    gpus: tuple[str, ...] = ()
    shares_gpus: bool = False
    whole: bool = True

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Returns ``base`` with what keeps a trainer within its share; what the user has set stays."""
        gpus = {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)} if self.gpus else {}
        if self.whole:
            # Named even so: the tasks of a trial divide them among themselves.
            return {**base, **gpus}
        threads = str(len(self.cores))
        limits = {"OMP_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads}
        if self.shares_gpus:
            # TensorFlow takes all of a GPU's memory otherwise, and the second trial dies.
            limits["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        return {**limits, **base, **gpus}

    def pin(self, process_id: int) -> None:
        """Keeps a process, and those it starts from now on, on the slot's cores; Linux only."""
        if not self.whole and sys.platform == "linux":
            os.sched_setaffinity(process_id, self.cores)


def share(count: int, cores: Sequence[int], gpus: Sequence[str]) -> tuple[Slot, ...]:
    """Splits cores and GPUs evenly among ``count`` slots, neighbours together; fewer are shared."""
    return tuple(
        Slot(_part(cores, i, count), _part(gpus, i, count), 0 < len(gpus) < count, count == 1)
        for i in range(count)
    )


def _part(items: Sequence[T], index: int, count: int) -> tuple[T, ...]:
    if not items:
        return ()
    if len(items) < count:
        return (items[index % len(items)],)
    return tuple(items[index * len(items) // count : (index + 1) * len(items) // count])


def machine_cores() -> tuple[int, ...]:
    """Numbers of the cores that this process may use, the threads of one physical core side by side."""
    if sys.platform == "linux":
        return by_physical_core(os.sched_getaffinity(0))
    return tuple(range(os.cpu_count() or 1))


def by_physical_core(
    cores: Iterable[int], topology: Path = Path("/sys/devices/system/cpu")
) -> tuple[int, ...]:
    """Sorts cores by socket and physical core, so that slots of neighbours slow each other down the least.

    Args:
        cores: As the kernel numbers them, often each physical core once and then again.
        topology: Where the kernel tells of them; where it does not, they are in order of their numbers.
    """

    def place(core: int) -> tuple[int, int, int]:
        files = (topology / f"cpu{core}" / "topology" / name for name in ("physical_package_id", "core_id"))
        socket, physical = (int(file.read_text(encoding="ascii")) if file.exists() else 0 for file in files)
        return socket, physical, core

    return tuple(sorted(cores, key=place))


def machine_gpus() -> tuple[str, ...]:
    """Returns the NVIDIA GPUs that this process may use.

    Raises:
        HptuneError: There is a driver and it does not answer.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(filter(None, visible.split(",")))
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=index", "--format=csv,noheader"]
    try:
        result = subprocess.run(
            query, capture_output=True, text=True, timeout=_NVIDIA_SMI_TIMEOUT_S, check=True
        )
    except subprocess.CalledProcessError as error:
        raise _no_answer(str(error.stderr or error.stdout).strip()) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_answer(str(error)) from error
    return tuple(result.stdout.split())


def _no_answer(reason: str) -> HptuneError:
    return HptuneError(f"nvidia-smi failed: {reason}; set CUDA_VISIBLE_DEVICES= to run without GPUs")
