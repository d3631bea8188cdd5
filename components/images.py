"""The container images that steps run in, read from the environment when a pipeline is compiled.

HPTUNE_IMAGE has hptune and kfp. HPTUNE_TRAINER_IMAGE has TensorFlow and the trainer's package besides.
Without them the names are those that `make images` gives, tagged with the git revision: a step's cache key
holds the name of its image and not what is in it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def git_revision() -> str:
    """Returns the checkout's revision, 12 digits; ``dev`` outside a checkout.

    ``-dirty`` follows where files differ.
    """
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        result = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "dev"
    return result.stdout.strip()


HPTUNE_IMAGE = os.environ.get("HPTUNE_IMAGE") or f"hptune/hptune:{git_revision()}"
TRAINER_IMAGE = os.environ.get("HPTUNE_TRAINER_IMAGE") or f"hptune/trainer:{git_revision()}"
