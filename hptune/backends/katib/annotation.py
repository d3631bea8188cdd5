"""What an Experiment's annotations say of its job, so that any machine can read it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hptune.backends.base import Submission
from hptune.errors import Fault, InputError, JobDirError
from hptune.job import parse_training_input
from hptune.trial.spec import Program

SUBMISSION_ANNOTATION = "hptune.dev/submission"
TRIALS_ANNOTATION = "hptune.dev/trials"
"""Names of the trials in order of their numbers, written before some of them are deleted."""
MAX_BYTES = 240 * 1024
"""Kubernetes holds all annotations of an object to 256 KiB."""

_FORMAT = 1


def submission_text(submission: Submission) -> str:
    """The submission as JSON, ASCII alone."""
    job, program = submission.job, submission.program
    content = {
        "format": _FORMAT,
        "name": submission.name,
        "source": job.source,
        "trainingInput": job.training_input,
        "warnings": job.warnings,
        "module": program.module,
        "command": program.command,
        "pythonPath": program.python_path,
        "args": submission.user_args,
        "jobDir": submission.job_dir,
        "passJobDir": submission.pass_job_dir,
        "packages": [str(package) for package in submission.packages],
        "seed": submission.seed,
    }
    return json.dumps(content, separators=(",", ":"))


def read_submission(experiment: Mapping[str, Any]) -> Submission:
    """The submission that an Experiment was made of.

    Args:
        experiment: The manifest, or what the cluster has of it.

    Raises:
        JobDirError: The Experiment is not one of hptune's, or its record is damaged.
    """
    metadata = experiment.get("metadata") or {}
    text = (metadata.get("annotations") or {}).get(SUBMISSION_ANNOTATION)
    place = f"Experiment {metadata.get('name')}"
    if text is None:
        raise JobDirError(Fault(place, f"is not of hptune's making (it has no {SUBMISSION_ANNOTATION})"))
    try:
        return _submission(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        problem = f"{SUBMISSION_ANNOTATION} is damaged ({type(error).__name__}: {error})"
        raise JobDirError(Fault(place, problem)) from error


def read_trial_names(experiment: Mapping[str, Any]) -> list[str]:
    """What `TRIALS_ANNOTATION` has; nothing where it is not there, or is of somebody else's making."""
    text = (experiment["metadata"].get("annotations") or {}).get(TRIALS_ANNOTATION, "[]")
    try:
        names = json.loads(text)
    except ValueError:
        return []
    return list(map(str, names)) if isinstance(names, list) else []


def _submission(content: dict[str, Any]) -> Submission:
    job = parse_training_input(content["trainingInput"], content["source"])
    return Submission(
        name=content["name"],
        # As they were: they name lines of a file that is not here.
        job=replace(job, warnings=tuple(content["warnings"])),
        program=Program(content["module"], tuple(content["command"]), tuple(content["pythonPath"])),
        user_args=tuple(content["args"]),
        job_dir=content["jobDir"],
        pass_job_dir=content["passJobDir"],
        packages=tuple(content["packages"]),
        seed=content["seed"],
    )
