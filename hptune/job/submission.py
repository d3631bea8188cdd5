"""A job and how to run it: what a command line and a job file ask for together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import Any, ClassVar

from pydantic import ConfigDict

from hptune.job.replicas import Role, capped
from hptune.job.runtime import Runtime
from hptune.job.tuning_job import JsonTuningJob
from hptune.results.study import Study
from hptune.search.space import Value
from hptune.storage.json_form import JSON_FORM, JsonForm


@dataclass(frozen=True)
class Program:
    """What a trial runs: a Python module, a command, or an image's own entrypoint.

    Attributes:
        module: Run as ``python -m MODULE`` with two-token arguments.
        command: Run as it is, with one-token arguments.
        python_path: Directories put in front of PYTHONPATH.
        python: Path of the interpreter; empty for hptune's own.
        variables: Environment variables that its runtime sets; PYTHONPATH is put behind what is there.
        image: The user's container image that it runs in; empty for none.
        flags: Further flags of ``docker run``, on this machine.
        entrypoint: What the image runs, in place of an empty command, where that must be said.
    """

    module: str | None = None
    command: tuple[str, ...] = ()
    python_path: tuple[str, ...] = ()
    python: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    entrypoint: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class Final(StrEnum):
    """Which of its measurements judges a trial."""

    LAST = "last"
    """The one written last, as on the service."""
    BEST = "best"
    """The best one, by the job's goal."""


@dataclass(frozen=True)
class Submission:
    """A job and how to run it: what gcloud's command line said.

    Attributes:
        name: The job's name, ML Engine's jobId.
        job: The job file.
        program: The trainer.
        user_args: The user's own arguments for it.
        job_dir: Where the job lives: a directory of this machine or, for a cluster, a URI.
        pass_job_dir: Whether trainers are given ``--job-dir``.
        packages: Archives of Python packages to install for the trainer: absolute paths on this machine
            or, for a cluster, addresses.
        seed: Seed of the suggestions.
        runtime: What the trainer runs in; None where that is not settled yet, and in jobs of before there
            was a choice: they ran in hptune's own interpreter.
        switches: Parameters that are flags without a value: given where they are true, else left out.
        final: Which of a trial's measurements judges it.
        address: The bucket's address below which each trial's trainer writes to its number, in place of a
            directory; empty for directories.
        cluster_size: How many tasks a trial may have in all, its master among them; None for as many as the
            job file asks for. A machine's limit and not the job's, so that it may change.
        command_line: What a person typed to ask for the job; empty where a program asked.
        cold: Whether each trial gets a new interpreter, though one could be forked.
        slots: How many trials run at once on this machine, as far as the job file allows it; None for as many
            as it has cores.
    """

    __pydantic_config__: ClassVar[ConfigDict] = JSON_FORM

    name: str
    job: JsonTuningJob
    program: Program
    user_args: tuple[str, ...]
    job_dir: str
    pass_job_dir: bool = True
    packages: tuple[str, ...] = ()
    seed: int = 0
    runtime: Runtime | None = None
    switches: tuple[str, ...] = ()
    final: Final = Final.LAST
    address: str = ""
    cluster_size: int | None = None
    command_line: str = ""
    cold: bool = False
    slots: int | None = None

    @property
    def task_counts(self) -> dict[Role, int]:
        """How many tasks a trial has beside its master, by role."""
        counts = self.job.task_counts
        return counts if self.cluster_size is None else capped(counts, self.cluster_size)

    @property
    def study(self) -> Study:
        """The study before its first trial."""
        return Study(self.name, self.job.metric, self.job.goal, self.job.max_trials)

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for a job to be the same, ready for JSON, by the names that messages show."""
        return {
            "name": self.name,
            "trainingInput": self.job.training_input,
            "module": self.program.module,
            "command": list(self.program.command),
            "pythonPath": list(self.program.python_path),
            "args": list(self.user_args),
            "jobDir": self.job_dir,
            "passJobDir": self.pass_job_dir,
            "packages": list(self.packages),
            "seed": self.seed,
            **({"switches": list(self.switches)} if self.switches else {}),
            **({"final": self.final.value} if self.final is not Final.LAST else {}),
            **({"address": self.address} if self.address else {}),
        }

    @property
    def first_points(self) -> list[dict[str, Value]]:
        """The point that the user's own arguments name, if that gives each parameter a value in its range."""
        given = _values_of(self.user_args)
        try:
            point = {p.name: p.parse(given[p.name]) for p in self.job.space}
        except (KeyError, ValueError):
            return []
        return [point] if self.job.space.contains(point) else []


def _values_of(user_args: Sequence[str]) -> dict[str, str]:
    values = {}
    for token, following in zip_longest(user_args, user_args[1:], fillvalue=""):
        name, equals, value = token.removeprefix("--").partition("=")
        if token.startswith("--"):
            values[name] = value if equals else following
    return values


def _of_format_1(content: dict[str, Any]) -> dict[str, Any]:
    nested = {
        "job": ("source", "trainingInput", "warnings"),
        "program": ("module", "command", "pythonPath"),
    }
    groups = {group: {key: content.pop(key) for key in keys} for group, keys in nested.items()}
    user_args = content.pop("args")
    return {**content, **groups, "userArgs": user_args}


SUBMISSION_FORM = JsonForm(Submission, 2, {1: _of_format_1})
"""A submission as JSON."""
