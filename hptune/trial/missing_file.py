"""Says of a file that a trainer did not find where it lies, and how the trainer finds it."""

from __future__ import annotations

import os
import re

_MISSING = re.compile(
    r"(?:FileNotFoundError|NotFoundError|IOError|OSError)\b.*no such file or directory:? '?([^';]+)'?",
    re.IGNORECASE,
)


def advise_missing_file(log_tail: str, submit_dir: str) -> str:
    """Says what to do about a file that lies where the job was submitted; empty where there is no such file.

    Args:
        log_tail: The end of what the trainer printed, with its traceback.
        submit_dir: Where the job was submitted, from where relative names do not count in a trial.
    """
    names = [match[1].strip() for match in _MISSING.finditer(log_tail)]
    name = names[-1] if names else ""
    if not name or name.startswith(os.sep) or not os.path.lexists(f"{submit_dir}/{name}"):
        return ""
    return (
        f"{name!r} is in {submit_dir}, and a trial runs in a directory of its own: pass it as an argument, "
        "which becomes a whole path, or begin its name with os.environ['HPTUNE_SUBMIT_DIR']"
    )
