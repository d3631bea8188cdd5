"""What an Experiment's annotations say of its job, so that any machine can read it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hptune.errors import Fault, JobDirError
from hptune.job.submission import SUBMISSION_FORM, Submission

SUBMISSION_ANNOTATION = "hptune.dev/submission"
TRIALS_ANNOTATION = "hptune.dev/trials"
"""Names of the trials in order of their numbers, written before some of them are deleted."""
WATCHER_ANNOTATION = "hptune.dev/watcher"
"""Names the one watcher that may cancel the job; see `hptune.backends.katib.watcher`."""
MAX_BYTES = 240 * 1024
"""Kubernetes holds all annotations of an object to 256 KiB."""


def read_submission(experiment: Mapping[str, Any]) -> Submission:
    """Reads the submission that an Experiment was made of.

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
        return SUBMISSION_FORM.parse(text)
    except ValueError as error:
        raise JobDirError(Fault(place, f"{SUBMISSION_ANNOTATION} is damaged ({error})")) from error


def read_trial_names(experiment: Mapping[str, Any]) -> list[str]:
    """Reads `TRIALS_ANNOTATION`; nothing where it is missing, or not of hptune's making."""
    text = (experiment["metadata"].get("annotations") or {}).get(TRIALS_ANNOTATION, "[]")
    try:
        names = json.loads(text)
    except ValueError:
        return []
    return list(map(str, names)) if isinstance(names, list) else []


def read_watcher(experiment: Mapping[str, Any]) -> str | None:
    """Returns what `WATCHER_ANNOTATION` has; None where nobody may cancel the job but people."""
    name: str | None = (experiment["metadata"].get("annotations") or {}).get(WATCHER_ANNOTATION)
    return name
