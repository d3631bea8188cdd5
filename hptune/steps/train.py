"""Step four: trains once more, with the best trial's parameters."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hptune.backends.find import find_here
from hptune.backends.local.process import TrialProcess
from hptune.backends.local.slots import Slot, machine_cores
from hptune.console.program import say
from hptune.data.predictions import CannotPredictError, confusion_matrix
from hptune.errors import Interrupted, JobFailed
from hptune.job.request import Place
from hptune.job.submission import Submission
from hptune.job.tuning_job import parse_training_input
from hptune.results.status_file import load_status
from hptune.results.study import Measurement, Study, Trial
from hptune.runtimes.environment import make_ready
from hptune.runtimes.settle import settle
from hptune.search.space import format_values
from hptune.steps.trainer import Trainer
from hptune.storage.full_disk import full_disk, full_disk_told
from hptune.storage.job_dir import JobDir, TrialDir, tail, write_json
from hptune.storage.lock import hold
from hptune.trial.arguments import trainer_argv
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TrialSpec

_POLL_S = 0.1


@dataclass(frozen=True)
class FinalTraining:
    """The training with the best parameters.

    Attributes:
        best: The trial whose parameters were used.
        metric: The objective's tag.
        measurement: The objective, measured on the data of this training.
        output: Where the trainer wrote, the model for one.
        log: The log of what the trainer printed.
    """

    best: Trial
    metric: str
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
        JobDirError: There is no such job, or another process runs it or trains.
        JobFailed: The job has no best trial, or the training failed.
        Interrupted: The user stopped it.
    """
    backend = find_here(job_dir)
    study = backend.describe().study
    submission = make_ready(backend.recall(), say)
    if user_args is not None:
        submission = replace(submission, user_args=tuple(user_args))
    directory = JobDir(Path(submission.job_dir))
    with full_disk_told(directory.root), hold(directory.lock, directory.root):
        return _train(submission, study, directory.final)


def train_from_status(status_file: Path, *, data: Path, output: Path, trainer: Trainer) -> FinalTraining:
    """Trains with the parameters of the best trial of a job whose directory may be out of reach.

    Args:
        status_file: The job's status, from `hptune.results.status_file.save_status`.
        data: The file to train on, and to measure on.
        output: The trainer's ``--job-dir``; hptune's own files are in ``hptune`` below it.
        trainer: The user's trainer.

    Raises:
        JobDirError: Another process trains into ``output``.
        InputError: The status or the trainer cannot be used.
        JobFailed: The job has no best trial, or the training failed.
        Interrupted: The user stopped it.
    """
    status = load_status(status_file)
    job = parse_training_input(status.training_input, str(status_file))
    submission = settle(trainer.submission(job, status.study.name, data, output, Place.HERE))
    directory = TrialDir(output, output / "hptune")
    with full_disk_told(output), hold(directory.lock, output):
        return _train(submission, status.study, directory)


def count_predictions(training: FinalTraining, data: Path) -> list[list[int]]:
    """Counts the trained model's predictions on the test part of ``data``, true classes by row.

    Empty, with a word on standard output, where the trainer left no model that predicts classes.
    """
    try:
        return confusion_matrix(training.output, data)
    except CannotPredictError as error:
        print(f"no confusion matrix: {error}")
        return []


def _train(submission: Submission, study: Study, directory: TrialDir) -> FinalTraining:
    best = study.best
    if best is None:
        raise JobFailed(f"{submission.job_dir}: no trial has an objective, so there is nothing to train with")
    # The limit is one for trials: this training may have more data.
    values = format_values(best.parameters)
    address = f"{submission.address}/{directory.output.name}" if submission.address else ""
    spec = TrialSpec.of(submission, best.id, values, directory)
    spec = replace(spec, time_limit_s=None, address=address)
    outcome = _completed(spec) or _run(spec)
    log = directory.log
    if outcome.message or outcome.final is None:
        raise JobFailed(f"the training {outcome.message}\n{log} ends:\n{tail(log)}")
    return FinalTraining(best, study.metric, outcome.final, directory.output, log)


def _completed(spec: TrialSpec) -> Outcome | None:
    outcome = Outcome.load(spec.directory.outcome)
    asked = spec.directory.command
    same = asked.is_file() and json.loads(asked.read_text(encoding="utf-8")) == _command(spec)
    return outcome if outcome and same and not outcome.message else None


def _command(spec: TrialSpec) -> list[str]:
    """Returns the trainer's command as it is recorded: the same wherever hptune is installed."""
    python, *rest = trainer_argv(spec)
    return [python, "-P", "-m", *rest[1:]] if spec.program.module else [python, *rest]


def _run(spec: TrialSpec) -> Outcome:
    write_json(spec.directory.command, _command(spec))
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
    if outcome is None and process.lacked_room:
        raise full_disk(spec.directory.state)
    if outcome is None:
        raise JobFailed(f"the training was killed\n{spec.directory.log} ends:\n{tail(spec.directory.log)}")
    return outcome
