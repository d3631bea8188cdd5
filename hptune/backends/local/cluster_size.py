"""How many tasks of trials this machine bears, and what becomes of a job whose trials have more.

A task is an interpreter with TensorFlow in it. Memory is what kills where there is not enough; too many tasks
for the cores are slow, and beyond some number mostly wait for one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hptune.backends.local.slots import machine_cores
from hptune.errors import Fault, UsageError
from hptune.job.replicas import Role, capped, described
from hptune.job.submission import Submission
from hptune.runtimes.several_machines import is_for_several_machines
from hptune.trial.memory import Memory

MAX = "max"
"""What --cluster-size takes for as many tasks as the machine bears."""

TASK_BYTES = 512 * 2**20
"""What a task takes: with a small Keras model in TensorFlow 2.21 592 MiB, part of which tasks share."""
TASKS_PER_CORE = 8

_FLAG = "--cluster-size"
_GIB = 2**30


@dataclass(frozen=True)
class Capacity:
    """What the machine has for the tasks of all trials that run at once.

    Attributes:
        cores: How many cores it has.
        memory_bytes: Its memory, or the limit that it sets this process; None where it does not say.
    """

    cores: int
    memory_bytes: int | None

    @classmethod
    def of_machine(cls) -> Capacity:
        """Asks the machine."""
        memory = Memory.now()
        known = [each for each in (memory.limit_bytes, memory.machine_bytes) if each is not None]
        return cls(len(machine_cores()), min(known, default=None))

    @property
    def tasks(self) -> int:
        """How many tasks it bears, at least one."""
        by_memory = self.memory_bytes // TASK_BYTES if self.memory_bytes is not None else self._by_cores
        return max(1, min(self._by_cores, by_memory))

    @property
    def _by_cores(self) -> int:
        return self.cores * TASKS_PER_CORE

    def trials_at_once(self, tasks: int) -> int:
        """Returns how many trials of as many tasks it bears at once, at least one."""
        return max(1, self.tasks // tasks)

    def __str__(self) -> str:
        """Says what it bears, and why."""
        memory = f" and {self.memory_bytes / _GIB:.3g} GiB of memory" if self.memory_bytes is not None else ""
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        return f"this machine, with {cores}{memory}, bears {self.tasks}"


def fitted(submission: Submission, asked: str | None, capacity: Capacity) -> Submission:
    """Returns a job with the size of its trials' clusters.

    Args:
        submission: The job.
        asked: A number of tasks, the master among them, or `MAX`; None for what the job file says, where the
            trainer was written for that, and the master alone where it was not.
        capacity: What the machine bears.

    Raises:
        UsageError: The size is none, or the machine does not bear it.
    """
    counts = submission.job.task_counts
    wanted = 1 + sum(counts.values())
    if asked is None and counts and not is_for_several_machines(submission):
        return replace(submission, cluster_size=1)
    try:
        size = _most(counts, capacity) if asked == MAX else wanted if asked is None else _number(asked)
        tasks = 1 + sum(capped(counts, size).values())
    except ValueError as error:
        raise UsageError(Fault(_FLAG, f"is {asked!r}; {error}")) from None
    resized = replace(submission, cluster_size=tasks if tasks < wanted else None)
    if 1 < tasks > capacity.tasks:
        place = f"{submission.job.source}: {submission.job.field('scaleTier')}" if asked is None else _FLAG
        problem = (
            f"makes each trial a cluster of {tasks} tasks ({described(resized.task_counts)}); {capacity}"
        )
        raise UsageError(Fault(place, f"{problem}: {_FLAG} {MAX} starts as many, {_FLAG} 1 the master alone"))
    return resized


def _most(counts: Mapping[Role, int], capacity: Capacity) -> int:
    # Where there is not one task of each role the master trains alone.
    return capacity.tasks if capacity.tasks > len(counts) else 1


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise ValueError(f"must be a number of tasks from 1 on, or {MAX}")
    return int(text)


def on_this_machine(submission: Submission) -> Submission:
    """Returns a job whose trials have as many of their tasks as this machine bears; says where they are less.

    For a step of a pipeline, which nobody is there to give `MAX`.
    """
    asked = MAX if is_for_several_machines(submission) else "1"
    resized = fitted(submission, asked, Capacity.of_machine())
    if words := shrunk(resized):
        print(f"warning: {words}")
    return resized


def shrunk(submission: Submission) -> str:
    """Says that trials have fewer tasks than the job file asks for; empty where they do not."""
    if submission.cluster_size is None:
        return ""
    whole, has = described(submission.job.task_counts), described(submission.task_counts)
    if not is_for_several_machines(submission):
        alone = "the trainer's source has nothing that divides the work, such as TF_CONFIG or tf.distribute"
        return f"{alone}: each trial has {has}; {_FLAG} {MAX} starts the job file's {whole}"
    return f"each trial has {has} on this machine, where the job file asks for {whole}"
