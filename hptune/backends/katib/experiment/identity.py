"""Whether an Experiment is that of a job."""

from __future__ import annotations

from typing import Any

from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.annotations import read_submission
from hptune.job.tuning_job import differences


def changes(present: Object, asked: Object) -> list[str]:
    """Returns what makes an Experiment another job than the one that is asked for, a line each.

    Raises:
        JobDirError: An Experiment is not one of hptune's.
    """
    return differences(_identity(present), _identity(asked))


def _identity(experiment: Object) -> dict[str, Any]:
    pod = experiment["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    image = pod["containers"][0]["image"]
    return {"image": image, **read_submission(experiment).identity}
