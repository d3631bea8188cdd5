"""The tasks of one trial: which there are, where each listens, and how TF_CONFIG tells a trainer of them.

The form is TensorFlow's, filled as ML Engine filled it: every task but the evaluator stands in ``cluster``.
An evaluator is no part of what trains, and TensorFlow looks for it nowhere else than in ``task``.
"""

from __future__ import annotations

import json
import random
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict

from hptune.job.replicas import BESIDE_MASTER, Role
from hptune.storage.json_form import JSON_FORM

MASTER_PORT = 2222
"""Where ML Engine's tasks listened."""

_CHIEF = "chief"
_CHIEF_SINCE = (2, 1)
# Below the ports that the kernel gives to connections, which could take one before its task does.
_PORTS = range(20_000, 32_768)
_HOST = "127.0.0.1"
_GPUS = "CUDA_VISIBLE_DEVICES"

Addresses = Mapping[str, Sequence[str]]
"""By a task's type, the HOST:PORT of each of that type: the ``cluster`` of TF_CONFIG."""


@dataclass(frozen=True)
class Task:
    """One task of a trial.

    Attributes:
        role: What it is.
        index: Its number among those of its role, from 0 on.
    """

    __pydantic_config__: ClassVar[ConfigDict] = JSON_FORM

    role: Role = Role.MASTER
    index: int = 0

    @property
    def name(self) -> str:
        """Its name in logs, as the service's."""
        return f"{self.role}-replica-{self.index}"

    @property
    def is_measured(self) -> bool:
        """Whether the objective is looked for in what it reports: a worker would report it once more."""
        return self.role in (Role.MASTER, Role.EVALUATOR)


MASTER = Task()


def beside_master(counts: Mapping[Role, int]) -> Iterator[Task]:
    """Yields the tasks of a trial beside its master.

    Args:
        counts: How many there are of each role.
    """
    for role in BESIDE_MASTER:
        yield from (Task(role, index) for index in range(counts.get(role, 0)))


def task_type(role: Role, training_input: Mapping[str, Any]) -> str:
    """Returns what TF_CONFIG calls a role: the master is a chief where the job says so, else since 2.1."""
    if role is not Role.MASTER:
        return role.value
    asked = training_input.get("useChiefInTfConfig")
    if asked is None:
        version = re.match(r"(\d+)\.(\d+)", str(training_input.get("runtimeVersion") or ""))
        asked = version is not None and tuple(map(int, version.groups())) >= _CHIEF_SINCE
    return _CHIEF if asked else role.value


def alone(training_input: Mapping[str, Any], port: int) -> Addresses:
    """Returns the addresses of a master without other tasks, for TensorFlow 1 refuses a task without any."""
    return {task_type(Role.MASTER, training_input): [f"{_HOST}:{port}"]}


def here(counts: Mapping[Role, int], training_input: Mapping[str, Any]) -> Addresses:
    """Returns addresses on this machine, on ports that are free now.

    Args:
        counts: How many tasks there are of each role beside the master.
        training_input: The job's, which says what the master is called.

    Raises:
        OSError: There are not as many free ports.
    """
    roles = {Role.MASTER: 1, **counts}
    roles.pop(Role.EVALUATOR, None)
    ports = iter(_free_ports(sum(roles.values())))
    return {
        task_type(role, training_input): [f"{_HOST}:{next(ports)}" for _ in range(count)]
        for role, count in roles.items()
        if count
    }


def of_pods(name: str, counts: Mapping[Role, int], training_input: Mapping[str, Any]) -> Addresses:
    """Returns the addresses of a TFJob's pods, by the names of the services that the operator makes for them.

    Args:
        name: The TFJob's.
        counts: How many tasks there are of each role beside the master.
        training_input: The job's, which says what the master is called.
    """
    kinds = {task_type(role, training_input): count for role, count in {Role.MASTER: 1, **counts}.items()}
    kinds.pop(Role.EVALUATOR.value, None)
    return {
        kind: [f"{name}-{kind}-{index}:{MASTER_PORT}" for index in range(count)]
        for kind, count in kinds.items()
    }


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            return found
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((_HOST, port))
            except OSError:
                continue
            found.append(port)
    raise OSError(f"{count} free ports are needed; from {_PORTS.start} to {_PORTS.stop - 1} are {len(found)}")


def tf_config(task: Task, trial_id: str, addresses: Addresses, training_input: Mapping[str, Any]) -> str:
    """Writes TF_CONFIG for one task.

    Args:
        task: The task.
        trial_id: The trial's number.
        addresses: Where each task listens.
        training_input: The job's.
    """
    kind = task_type(task.role, training_input)
    return json.dumps(
        {
            "cluster": addresses,
            "task": {"type": kind, "index": task.index, "trial": trial_id},
            "job": snake_case(training_input),
            "environment": "cloud",
        }
    )


def read_task(text: str) -> Task:
    """Reads the task of a TF_CONFIG that somebody else made.

    Raises:
        ValueError: It is none.
    """
    try:
        content = json.loads(text)
        kind = content["task"]["type"]
        role = Role.MASTER if kind == _CHIEF else Role(kind)
        return Task(role, int(content["task"]["index"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def unmeasured_hosts(addresses: Addresses) -> tuple[str, ...]:
    """Returns the names of the hosts of workers and parameter servers, as those call themselves."""
    found = (each for role in (Role.WORKER, Role.PS) for each in addresses.get(role.value, ()))
    return tuple(address.partition(":")[0].partition(".")[0] for address in found)


def own_gpus(base: Mapping[str, str], task: Task, counts: Mapping[Role, int]) -> dict[str, str]:
    """Returns what shows a task its part of the trial's GPUs; nothing where it is alone or there are none.

    Master and workers compute: they share the GPUs evenly and, where there are fewer, each takes no more of a
    GPU's memory than it needs. A parameter server keeps variables and sees none.

    Args:
        base: The environment around the trial.
        task: The task.
        counts: The trial's tasks beside its master, by role.
    """
    gpus = list(filter(None, base.get(_GPUS, "").split(",")))
    if not counts or not gpus:
        return {}
    if task.role is Role.PS:
        return {_GPUS: ""}
    shares = 1 + counts.get(Role.WORKER, 0)
    index = task.index + 1 if task.role is Role.WORKER else 0
    own = gpus[index::shares] if shares <= len(gpus) else [gpus[index % len(gpus)]]
    # An evaluator has the master's.
    is_shared = shares > len(gpus) or Role.EVALUATOR in counts
    return {
        _GPUS: ",".join(own),
        **({"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if is_shared else {}),
    }


def snake_case(value: Any) -> Any:  # noqa: ANN401  (JSON in, JSON out)
    """Returns a training input with the names of its fields as TF_CONFIG's ``job`` has them."""
    if isinstance(value, Mapping):
        return {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): snake_case(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [snake_case(item) for item in value]
    return value
