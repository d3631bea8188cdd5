"""Step four: trains once more, with the best trial's parameters."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hptune.backends.local.backend import LocalBackend
from hptune.backends.local.process import TrialProcess
from hptune.backends.local.slots import Slot, machine_cores
from hptune.errors import Interrupted, JobFailed
from hptune.jobdir import JobDir, tail, write_json
from hptune.space import format_values
from hptune.study import Measurement, Trial
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TrialSpec

_POLL_S = 0.1


@dataclass(frozen=True)
class FinalTraining:
    """The training with the best parameters.

    Attributes:
        best: The trial whose parameters were used.
        measurement: The objective, measured on the data of this training.
        output: Where the trainer wrote, the model for one.
        log: What it printed.
    """

    best: Trial
    measurement: Measurement
    output: Path
    log: Path


def train(job_dir: Path, user_args: Sequence[str] | None = None) -> FinalTraining:
    """Trains with the parameters of a job's best trial.

    A training that was completed with the same arguments before is not run again.

    Args:
        job_dir: The job's directory.
        user_args: The trainer's arguments, with the data for this training; None for the job's own.

    Raises:
        JobDirError: There is no such job.
        JobFailed: The job has no best trial, or the training failed.
        Interrupted: The user stopped it.
    """
    backend = LocalBackend(job_dir)
    best = backend.describe().study.best
    if best is None:
        raise JobFailed(f"{job_dir}: no trial has an objective, so there is nothing to train with")
    spec = _spec(backend, best, user_args)
    outcome = _completed(spec) or _run(spec)
    if outcome.message or outcome.final is None:
        log = spec.directory.log
        raise JobFailed(f"the training {outcome.message}\n{log} ends:\n{tail(log)}")
    return FinalTraining(best, outcome.final, spec.directory.output, spec.directory.log)


def _spec(backend: LocalBackend, best: Trial, user_args: Sequence[str] | None) -> TrialSpec:
    submission = backend.recall()
    return TrialSpec(
        trial_id=str(best.id),
        job_id=submission.name,
        metric=submission.job.metric,
        program=submission.program,
        directory=JobDir(submission.job_dir).final,
        user_args=submission.user_args if user_args is None else tuple(user_args),
        parameters=format_values(best.parameters),
        pass_job_dir=submission.pass_job_dir,
        training_input=submission.job.training_input,
    )


def _completed(spec: TrialSpec) -> Outcome | None:
    outcome = Outcome.load(spec.directory.outcome)
    asked = spec.directory.command
    same = asked.is_file() and json.loads(asked.read_text(encoding="utf-8")) == spec.argv()
    return outcome if outcome and same and not outcome.message else None


def _run(spec: TrialSpec) -> Outcome:
    write_json(spec.directory.command, spec.argv())
    process = TrialProcess(spec, Slot(machine_cores()))
    try:
        while not process.ended:
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        process.ask_to_stop()
        process.wait_stopped()
        raise Interrupted("the training was stopped; the same command runs it again") from None
    process.clean_up()
    outcome = process.outcome()
    if outcome is None:
        raise JobFailed(f"the training was killed\n{spec.directory.log} ends:\n{tail(spec.directory.log)}")
    return outcome
