"""The trainer's packages, where a job brings archives as gcloud's --packages did."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hptune.errors import JobFailed

_SHOWN_LINES = 10


def install(archives: Sequence[Path], target: Path) -> None:
    """Installs archives into a directory of the job's, unless an earlier run has.

    What they depend on is the environment's: TensorFlow in every job's directory would be of no use.

    Raises:
        JobFailed: pip could not; its last lines are in the message.
    """
    if not archives or target.exists():
        return
    # Under another name until it is complete.
    partial = target.with_name(f".{target.name}.partial")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"]
    result = subprocess.run(
        [*command, str(partial), "--", *map(str, archives)], capture_output=True, text=True, check=False
    )
    if result.returncode:
        lines = (result.stdout + result.stderr).strip().splitlines()[-_SHOWN_LINES:]
        raise JobFailed("the job's packages could not be installed:\n" + "\n".join(lines))
    partial.rename(target)
