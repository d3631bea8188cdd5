"""Kills pip, or hptune while pip runs, as a trainer's requirement is installed for its first job."""

from __future__ import annotations

import random
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.reliability.job import TRAINER, Job, Tally

TRIALS = 2
PACKAGE = "hptune_tiny"
WAIT_S = (0.0, 1.5)
_FAILED = 1


def make_wheel(folder: Path) -> None:
    """Makes a package that only the machine itself has."""
    info = f"{PACKAGE}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{PACKAGE}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{PACKAGE}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/RECORD", f"{PACKAGE}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )


def offline(wheels: Path, cache: Path) -> Mapping[str, str]:
    """Returns variables that have pip find packages in a folder alone, and hptune an empty cache."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "XDG_CACHE_HOME": str(cache)}


def break_set_up(job: Job, hptune: subprocess.Popen[bytes], rng: random.Random) -> bool:
    """Kills what installs, or hptune, which it may outlive. See `benchmarks.reliability.kills.Break`."""
    installers = job.family(hptune.pid).installers
    if not installers:
        return False
    if rng.random() < 0.5:
        hptune.kill()
        hptune.wait()
        return True
    rng.choice(installers).kill()
    code = hptune.wait()
    # It may have been done by then.
    if code not in (0, _FAILED):
        job.tally.unexpected.append(f"exit code {code} after pip was killed")
    return True


def make_job(folder: Path, tally: Tally) -> Job:
    """Makes a job whose trainer asks for the package; nothing is installed for it yet."""
    environment = offline(folder.parent, folder / "cache")
    trainer = f"import {PACKAGE}\n{TRAINER}"
    return Job(
        folder, tally, trials=TRIALS, environment=environment, trainer=trainer, requirements=(PACKAGE,)
    )
