"""What a command does about runtimes before a job runs: chooses one, says which, makes it ready."""

from __future__ import annotations

from dataclasses import replace

from hptune.console.program import say
from hptune.job.submission import Submission
from hptune.runtimes.choose import choose
from hptune.runtimes.environment import make_ready
from hptune.runtimes.registry import read_image


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


def settle_for_cluster(submission: Submission, own_image: str | None) -> Submission:
    """Reads from its registry what the user's image runs, where the job does not say.

    Args:
        submission: The job.
        own_image: An image with hptune that its trials run in instead; None for none.

    Raises:
        UsageError: It cannot be read, or takes no arguments.
    """
    program = submission.program
    if not program.image or program.command or own_image is not None:
        return submission
    place = f"{submission.job.field('masterConfig.imageUri')} {program.image}"
    entrypoint = read_image(program.image, place).words_before_arguments(place)
    return replace(submission, program=replace(program, entrypoint=entrypoint))
