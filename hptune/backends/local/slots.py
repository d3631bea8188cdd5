"""How trials that run at once share this machine's cores and GPUs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hptune.errors import HptuneError

T = TypeVar("T")

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
    """Splits cores and GPUs evenly among ``count`` slots; where there are fewer, slots share them."""
    return tuple(
        Slot(_part(cores, i, count), _part(gpus, i, count), 0 < len(gpus) < count, count == 1)
        for i in range(count)
    )


def _part(items: Sequence[T], index: int, count: int) -> tuple[T, ...]:
    if not items:
        return ()
    return tuple(items[index::count]) if count <= len(items) else (items[index % len(items)],)


def machine_cores() -> tuple[int, ...]:
    """Numbers of the cores that this process may use."""
    if sys.platform == "linux":
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


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
