"""Whether the kernel ended a trainer for want of memory: its counters before and after, and what there was.

A trainer that takes too much is killed without a word, as anybody could kill it. The kernel counts whom it
ends so: the processes of this one's control group (a container's, in a pod), and those of the whole machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

OUT_OF_MEMORY = "out of memory"

_PROCESSES = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
# What a shell makes of a command that SIGKILL ended, and what Python does.
_KILLED = (137, -9)
# Version 1 has no word for "no limit", but a number of about this size.
_NO_LIMIT_BYTES = 2**60
_MIB, _GIB = 2**20, 2**30


@dataclass(frozen=True)
class Memory:
    """What the kernel says of memory at one time.

    Attributes:
        group_kills: How many processes of this one's control group it has ended; None where it does not say.
        machine_kills: How many of the machine's; None where it does not say.
        limit_bytes: Of the control group; None where it has none.
        machine_bytes: What the machine has; None where it does not say.
    """

    group_kills: int | None
    machine_kills: int | None
    limit_bytes: int | None
    machine_bytes: int | None

    @classmethod
    def now(cls, processes: Path = _PROCESSES, groups: Path = _GROUPS) -> Memory:
        """Reads what it says now.

        Args:
            processes: Where the kernel's own file system is mounted.
            groups: Where control groups are.
        """
        folders = list(_group_folders(processes, groups))
        counters = (
            _kills(folder / name) for folder in folders for name in ("memory.events", "memory.oom_control")
        )
        limits = [limit for folder in folders if (limit := _limit(folder)) is not None]
        return cls(
            group_kills=next((count for count in counters if count is not None), None),
            machine_kills=_kills(processes / "vmstat"),
            limit_bytes=min(limits, default=None),
            machine_bytes=_total(processes / "meminfo"),
        )


def explain(before: Memory, after: Memory, exit_code: int, *, in_pod: bool) -> str:
    """Says that a trainer ended for want of memory; empty where it did not, as far as the kernel says.

    Args:
        before: As it was when the trainer began.
        after: As it was when the trainer had ended.
        exit_code: The trainer's; minus the signal's number where one ended it.
        in_pod: Whether the trainer had a container to itself; else other trials may share what it had.
    """
    of_group = _rose(before.group_kills, after.group_kills)
    if exit_code in _KILLED and of_group:
        return f"{OUT_OF_MEMORY}: the kernel ended it {_circumstances(after, in_pod)}"
    if exit_code in _KILLED and _rose(before.machine_kills, after.machine_kills):
        # Whatever it was, it was not this control group's limit.
        circumstances = _circumstances(replace(after, limit_bytes=None), in_pod)
        return f"probably {OUT_OF_MEMORY}: the kernel ended a process {circumstances}"
    if exit_code and in_pod and of_group:
        of_it = f"the kernel ended a process of it {_circumstances(after, in_pod)}"
        return f"{OUT_OF_MEMORY}: {of_it}; exited with code {exit_code}"
    return ""


def explain_container(limit: str | None) -> str:
    """Says that a trial's container ended for want of memory.

    Args:
        limit: The container's, as Kubernetes has it; None where it has none.
    """
    had = f"at its limit of {limit}" if limit else "when its node had no more"
    return f"{OUT_OF_MEMORY}: its container was ended {had}; --memory gives each trial more"


def _circumstances(memory: Memory, in_pod: bool) -> str:
    limit = f"at the limit of {_size(memory.limit_bytes)}" if memory.limit_bytes else ""
    if in_pod:
        return f"{limit or 'when its node had no more'}; --memory gives each trial more"
    had = f"when the machine's {_size(memory.machine_bytes)} were used up" if memory.machine_bytes else ""
    where = f"{limit} that this machine sets" if limit else had
    return f"{where}; fewer trials at once (--parallel-trial-count) leave more for each".lstrip("; ")


def _rose(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after > before


def _group_folders(processes: Path, groups: Path) -> Iterator[Path]:
    """Folders of this process's control group and of those above it, the innermost first."""
    for line in _text(processes / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        root = groups / "memory" if controllers else groups
        own = root / os.path.normpath(name).lstrip("/.")
        # A container may see its own group as the root, and its name as its node has it.
        yield from (each for each in (own, *own.parents) if each.is_relative_to(root) and each.is_dir())


def _kills(path: Path) -> int | None:
    return next((count for name, count in _counters(path) if name == "oom_kill"), None)


def _total(path: Path) -> int | None:
    return next((count * 1024 for name, count in _counters(path) if name == "MemTotal:"), None)


def _counters(path: Path) -> Iterator[tuple[str, int]]:
    for line in _text(path).splitlines():
        name, _, value = line.partition(" ")
        number = value.split()[:1]
        if number and number[0].isdigit():
            yield name, int(number[0])


def _limit(folder: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = _text(folder / name).strip()
        if text.isdigit() and int(text) < _NO_LIMIT_BYTES:
            return int(text)
    return None


def _text(path: Path) -> str:
    """Reads a file; nothing where there is none, as on other systems than Linux."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _size(size_bytes: int | None) -> str:
    amount = size_bytes or 0
    return f"{amount / _GIB:.4g} GiB" if amount >= _GIB else f"{amount / _MIB:.4g} MiB"
