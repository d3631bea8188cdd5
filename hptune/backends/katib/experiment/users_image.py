"""What a trial's pod has besides, where its trainer runs in an image of the user's that has no hptune."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hptune.backends.katib.options import KatibOptions
from hptune.job.submission import Submission
from hptune.trial.document import CARRIED, CARRIED_COMMAND, CARRIED_STOP_COMMAND, CARRY_COMMAND

PROGRAM_VOLUME: dict[str, tuple[str, dict[str, Any]]] = {"program": (CARRIED, {"emptyDir": {}})}
"""By its name, where the volume with the trial program is mounted, and what it is."""


def without_image(submission: Submission, options: KatibOptions) -> Submission:
    """Returns the job as it runs in an image with hptune, where the options name one."""
    if options.image is None or not submission.program.image:
        return submission
    return replace(submission, program=replace(submission.program, image=""))


def init_container(options: KatibOptions, security: dict[str, Any]) -> dict[str, Any]:
    """Builds the container that copies the trial program to the pod's volume.

    Args:
        options: How the job's trials run.
        security: The security context of hptune's own containers.
    """
    (name, (path, _)), *_ = PROGRAM_VOLUME.items()
    return {
        "name": "hptune",
        "image": options.hptune_image,
        "command": list(CARRY_COMMAND),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": security,
        "volumeMounts": [{"name": name, "mountPath": path}],
    }


def users_container(container: dict[str, Any]) -> dict[str, Any]:
    """Returns the trainer's container as it runs in the user's image: as the image's user, as on ML Engine.

    Args:
        container: The container as it is for an image with hptune.
    """
    mounts = [
        {**mount, **({"readOnly": True} if mount["name"] in PROGRAM_VOLUME else {})}
        for mount in container["volumeMounts"]
    ]
    return {
        **container,
        "command": list(CARRIED_COMMAND),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "lifecycle": {"preStop": {"exec": {"command": list(CARRIED_STOP_COMMAND)}}},
        "volumeMounts": mounts,
    }
