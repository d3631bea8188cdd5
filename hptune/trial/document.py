"""How the program that runs one trial is started, and how it is told of the trial: by one document.

On this machine the document is a file. In a pod it is an environment variable, which Katib fills in.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hptune.errors import Fault, UsageError
from hptune.storage.job_dir import write_atomically
from hptune.trial.spec import TRIAL_FORM, TrialSpec

TRIAL_VARIABLE = "HPTUNE_TRIAL"
"""Has a trial's document in its pod."""

# -P: a directory of the user's that happens to be called hptune must not hide the package.
_MODULE = ("-P", "-m", "hptune.trial")
POD_COMMAND = ("python", *_MODULE)
LOCAL_COMMAND = (sys.executable, *_MODULE)
NURSERY_COMMAND = (sys.executable, "-P", "-m", "hptune.trial.nursery")
_STOP_MODULE = "hptune.trial.pod.stop"
POD_STOP_COMMAND = ("python", "-P", "-m", _STOP_MODULE)

CARRIED = "/hptune-program"
"""Where a pod has the trial program that `hptune.trial.pod.carry` has copied, in an image of the user's."""
CARRY_COMMAND = ("python", "-P", "-m", "hptune.trial.pod.carry", CARRIED)
CARRIED_COMMAND = ("/bin/sh", f"{CARRIED}/run", "hptune.trial")
CARRIED_STOP_COMMAND = ("/bin/sh", f"{CARRIED}/run", _STOP_MODULE)


def local_arguments(spec: TrialSpec) -> list[str]:
    """Writes a trial's document to its directory; returns arguments for `LOCAL_COMMAND`, which runs it here.

    The trial stops when the command's standard input closes.
    """
    document = spec.directory.document
    write_atomically(document, TRIAL_FORM.text(spec) + "\n")
    return ["--stop-with-stdin", str(document)]


def read_trial(file: Path | None) -> TrialSpec:
    """Reads the trial of a document.

    Args:
        file: The document; None for that of `TRIAL_VARIABLE`, which is taken out of the environment.

    Raises:
        UsageError: There is none, or it is damaged.
    """
    try:
        # ML Engine's trainers had no such variable.
        text = file.read_bytes() if file else os.environ.pop(TRIAL_VARIABLE)
        return TRIAL_FORM.parse(text)
    except OSError as error:
        raise UsageError(Fault(str(file), f"cannot be read: {error.strerror}")) from error
    except KeyError:
        raise UsageError(Fault(TRIAL_VARIABLE, "is not set; give FILE, which describes a trial")) from None
    except ValueError as error:
        problem = f"does not describe a trial ({error})"
        raise UsageError(Fault(str(file or TRIAL_VARIABLE), problem)) from error
