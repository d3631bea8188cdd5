"""Describes one trial: all that the program that runs it must know, as one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict

from hptune.job.replicas import Role
from hptune.job.schema import Service
from hptune.job.submission import Final, Program, Submission
from hptune.results.study import Goal
from hptune.storage.job_dir import TrialDir
from hptune.storage.json_form import JSON_FORM, JsonForm
from hptune.trial.tasks import MASTER, Task, beside_master


@dataclass(frozen=True)
class Pod:
    """What a trial's pod is to do around the trainer.

    Katib fills in what it knows only when it makes the pod: the trial's name, as ``trial_id``, and the values
    of the parameters, encoded by `hptune.trial.pod.encoding`. In paths ``{trial_id}`` stands for the number.

    Attributes:
        trial_prefix: What stands in front of the number in the trial's name, where it does.
        collector_file: Where Katib's collector looks for measurements; None for nowhere.
        message_file: Where the outcome goes, as Kubernetes' termination message; None for nowhere.
        upload_to: The job's address, for what the trial leaves; None where its directories outlive the pod.
        packages: The trainer's packages, each ``URI`` or ``URI#sha256=HEX``.
        fetch_inputs: Whether to fetch what the user's arguments name.
    """

    trial_prefix: str = ""
    collector_file: Path | None = None
    message_file: Path | None = None
    upload_to: str | None = None
    packages: tuple[str, ...] = ()
    fetch_inputs: bool = False


@dataclass(frozen=True)
class TrialSpec:
    """All that one trial needs to run.

    Attributes:
        trial_id: The trial's number from 1 on; a string, as trainers see it.
        job_id: The job's name.
        metric: The objective's tag.
        program: The trainer.
        user_args: The user's own arguments.
        parameters: The suggestion: name to value as text.
        directory: The trial's paths.
        pass_job_dir: Whether the trainer is given ``--job-dir``; the service did so when the job had one.
        training_input: The job's training input, for TF_CONFIG.
        time_limit_s: Seconds after which the trainer is stopped; None for no limit.
        pod: What its pod is to do besides; None on this machine.
        switches: Parameters that are flags without a value.
        best_by: Has the best measurement judge the trial, by this goal; None for the last one.
        tasks: How many tasks it has beside its master, by role.
        task: The task that is meant; ``directory.state`` is that task's.
        address: Where the trainer writes in place of ``directory.output``: a bucket's address, in which
            ``{trial_id}`` stands for the number; empty for the directory.
    """

    __pydantic_config__: ClassVar[ConfigDict] = JSON_FORM

    trial_id: str
    job_id: str
    metric: str
    program: Program
    directory: TrialDir
    user_args: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    pass_job_dir: bool = True
    training_input: Mapping[str, Any] = field(default_factory=dict)
    time_limit_s: float | None = None
    pod: Pod | None = None
    switches: tuple[str, ...] = ()
    best_by: Goal | None = None
    tasks: Mapping[Role, int] = field(default_factory=dict)
    task: Task = MASTER
    address: str = ""

    @property
    def output(self) -> str:
        """Where the trainer writes, as it is told: a directory or an address."""
        return self.address or str(self.directory.output)

    @property
    def service(self) -> Service:
        """Whose job file it was, and so how the trainer is told of its trial."""
        return Service(self.training_input.get("service", Service.ML_ENGINE))

    @classmethod
    def of(
        cls,
        submission: Submission,
        trial_id: int | str,
        parameters: Mapping[str, str],
        directory: TrialDir,
        pod: Pod | None = None,
    ) -> TrialSpec:
        """Describes a trial of a submission.

        Args:
            submission: The job.
            trial_id: The number that the trainer sees.
            parameters: The suggestion: name to value as text.
            directory: The trial's paths.
            pod: What its pod is to do; None on this machine.
        """
        return cls(
            trial_id=str(trial_id),
            job_id=submission.name,
            metric=submission.job.metric,
            program=submission.program,
            directory=directory,
            user_args=submission.user_args,
            parameters=parameters,
            pass_job_dir=submission.pass_job_dir,
            training_input=submission.job.training_input,
            time_limit_s=submission.job.max_running_time_s,
            pod=pod,
            switches=submission.switches,
            best_by=submission.job.goal if submission.final is Final.BEST else None,
            tasks=submission.task_counts,
            address=f"{submission.address}/{trial_id or '{trial_id}'}" if submission.address else "",
        )

    def seen_from(self, task: Task) -> TrialSpec:
        """Returns the trial as one of its tasks has it: with the same output, and a state of its own."""
        if task == self.task:
            return self
        return replace(self, task=task, directory=self.directory.of_task(task.name))

    def beside_master(self) -> list[TrialSpec]:
        """Returns the trial as each task but the master has it."""
        return [self.seen_from(task) for task in beside_master(self.tasks)]


TRIAL_FORM = JsonForm(TrialSpec)
"""A trial as JSON: the document that `hptune.trial.document` hands to the program that runs it."""
