"""What a command does about runtimes before a job runs: choose one, say which, make it ready."""

from __future__ import annotations

from dataclasses import replace

from hptune.console.program import say
from hptune.job.submission import Submission
from hptune.runtimes.choose import choose
from hptune.runtimes.environment import make_ready


def settle(submission: Submission, *, may_install: bool = True) -> Submission:
    """Chooses the job's runtime and makes it ready; says on standard error which it is and what is installed.

    Args:
        submission: The job.
        may_install: Whether something may be installed.

    Raises:
        RuntimeNotReady: The runtime could not be made.
        UsageError: Its interpreter does not run, or something would have to be installed.
    """
    choice = choose(submission)
    if choice.reason:
        say(f"the trainer runs in {choice.reason}")
    return make_ready(replace(submission, runtime=choice.runtime), say, may_install=may_install)
