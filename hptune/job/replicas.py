"""The tasks of a trial beside its master: workers, parameter servers, an evaluator.

On the service each was a machine of its own that ran the same trainer. How many there are is said by the
scale tier or, with CUSTOM, by ``workerCount`` and its like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hptune.errors import Fault, JobFileError
from hptune.job.machines import Machine, custom_machine, machine_of_old_name, tier_of
from hptune.job.schema import ReplicaConfig, TrainingInput


class Role(StrEnum):
    """What a task is in its trial; the values are TensorFlow's task types."""

    MASTER = "master"
    """The one that is measured; TF_CONFIG may call it ``chief``."""
    WORKER = "worker"
    PS = "ps"
    EVALUATOR = "evaluator"

    @property
    def field(self) -> str:
        """The prefix of its fields in a job file."""
        return "parameterServer" if self is Role.PS else self.value


BESIDE_MASTER = (Role.WORKER, Role.PS, Role.EVALUATOR)
"""The roles of a trial's other tasks, in the order in which they are started and shown."""


@dataclass(frozen=True)
class Replicas:
    """The tasks of one role.

    Attributes:
        role: What they are.
        count: How many there are, at least one.
        machine: What each runs on.
        image_uri: Their container image, where it is their own.
    """

    role: Role
    count: int
    machine: Machine
    image_uri: str | None = None


# Count and machine of the tasks that a tier has beside its master.
_OF_TIER: dict[str, dict[Role, tuple[int, str]]] = {
    "STANDARD_1": {Role.WORKER: (4, "complex_model_s"), Role.PS: (3, "standard")},
    "PREMIUM_1": {Role.WORKER: (19, "complex_model_m"), Role.PS: (11, "large_model")},
}


def resolve_replicas(training: TrainingInput) -> tuple[Replicas, ...]:
    """Finds the tasks beside the master, in the order of `BESIDE_MASTER`.

    Raises:
        JobFileError: With the places as field paths from the training input on.
    """
    tier = tier_of(training.scale_tier, training.master_type)
    if tier != "CUSTOM":
        return tuple(
            Replicas(role, count, machine_of_old_name(name), _config(training, role).image_uri)
            for role, (count, name) in _OF_TIER.get(tier, {}).items()
        )
    faults: list[Fault] = []
    found = []
    for role in BESIDE_MASTER:
        try:
            if _count(training, role):
                found.append(_custom(training, role))
        except JobFileError as error:
            faults += error.faults
    if faults:
        raise JobFileError(faults)
    return tuple(found)


def idle_fields(training: TrainingInput) -> Iterator[tuple[str, str]]:
    """Yields the fields of tasks that say nothing, each with the reason."""
    tier = tier_of(training.scale_tier, training.master_type)
    for role in BESIDE_MASTER:
        given = [name for name in ("count", "type", "config") if _field(training, role, name)]
        if tier != "CUSTOM":
            # With a tier that has such tasks, their image may be their own.
            counts = "it counts only with scaleTier CUSTOM, and this is"
            yield from (
                (f"{role.field}{name.capitalize()}", f"is ignored; {counts} {tier}")
                for name in given
                if name != "config" or role not in _OF_TIER.get(tier, {})
            )
        elif "count" not in given:
            yield from (
                (f"{role.field}{name.capitalize()}", f"is ignored; there is no {role.field}Count")
                for name in given
            )


def _custom(training: TrainingInput, role: Role) -> Replicas:
    config = _config(training, role)
    accelerator = config.accelerator_config
    machine = custom_machine(
        role.field,
        _field(training, role, "type"),
        accelerator.type if accelerator else None,
        accelerator.count if accelerator else None,
    )
    return Replicas(role, _count(training, role), machine, config.image_uri)


def _count(training: TrainingInput, role: Role) -> int:
    return int(_field(training, role, "count") or 0)


def _config(training: TrainingInput, role: Role) -> ReplicaConfig:
    return _field(training, role, "config") or ReplicaConfig()


def _field(training: TrainingInput, role: Role, name: str) -> Any:  # noqa: ANN401  (of the field's type)
    prefix = "parameter_server" if role is Role.PS else role.value
    return getattr(training, f"{prefix}_{name}")


def capped(counts: Mapping[Role, int], size: int) -> dict[Role, int]:
    """Returns the counts of a smaller cluster of the same roles, its shares those of the larger one.

    Args:
        counts: Tasks beside the master, by role.
        size: How many tasks there may be in all, the master among them.

    Raises:
        ValueError: There is not one task of each role then; a size of 1 is the master alone.
    """
    if size >= 1 + sum(counts.values()):
        return dict(counts)
    if size == 1:
        return {}
    if size < 1 + len(counts):
        raise ValueError(f"must be 1, the master alone, or at least {1 + len(counts)}, one task of each role")
    left = dict.fromkeys(counts, 1)
    for _ in range(size - 1 - len(counts)):
        # Whoever has the smallest part of what it asked for.
        left[min(left, key=lambda role: left[role] / counts[role])] += 1
    return left


def described(counts: Mapping[Role, int]) -> str:
    """Says which tasks a trial has: ``1 master, 4 workers, 3 parameter servers``.

    Args:
        counts: Tasks beside the master, by role.
    """
    names = {role: "parameter server" if role is Role.PS else role.value for role in counts}
    beside = (f"{count} {names[role]}{'s' if count > 1 else ''}" for role, count in counts.items())
    return ", ".join(("1 master", *beside))
