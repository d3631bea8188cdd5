"""The error tree. A message names the place, the value found there and what is allowed.

HptuneError             the command ends with ``exit_code`` and the message on stderr
|-- InputError          what the user gave cannot be used: exit code 2, every fault listed
|   |-- JobFileError    the hptune.yaml
|   |-- DataError       a data file
|   |-- JobDirError     a job directory that is damaged, locked or belongs to another job
|   `-- UsageError      a command line
|-- StorageError        a file could not be fetched or written
|-- RuntimeNotReady     what a trainer is to run in could not be made
|-- ClusterError        a Kubernetes cluster does not do what was asked, or does not answer
`-- JobFailed           the job ran and failed
    `-- Interrupted     the user stopped it: exit code 130
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# More than anybody mends at once; a file that a program wrote can have thousands.
_SHOWN_FAULTS = 50


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input.

    Attributes:
        place: Where it is, outermost first, for example
            ``hptune.yaml:14: trainingInput.hyperparameters.params[1].minValue``.
        problem: What is there and what is allowed instead.
    """

    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem


class HptuneError(Exception):
    """Root of every error that hptune raises on purpose."""

    exit_code: int = 1


class InputError(HptuneError):
    """What the user gave cannot be used; carries every fault found, not only the first."""

    exit_code: int = 2

    def __init__(self, faults: str | Fault | Sequence[Fault]) -> None:
        if isinstance(faults, str):
            faults = Fault("", faults)
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        more = [f"and {left:,} more"] if (left := len(self.faults) - _SHOWN_FAULTS) > 0 else []
        super().__init__("\n".join([*map(str, self.faults[:_SHOWN_FAULTS]), *more]))


def describe_os_error(error: OSError) -> str:
    """Says what the system refused, and of which file.

    Where one name was to take another's place, the second is the one that people know.
    """
    name = error.filename2 or error.filename
    return f"{name}: {error.strerror}" if name else str(error)


class JobFileError(InputError):
    """The job file is not a tuning job."""


class DataError(InputError):
    """A data file is damaged, of an unknown format or not what it claims to be."""


class JobDirError(InputError):
    """A job directory is damaged, in use, or belongs to another job."""


class UsageError(InputError):
    """The command line contradicts itself or leaves out what is needed."""


class StorageError(HptuneError):
    """A file could not be fetched or written; the reason is in the message."""


class RuntimeNotReady(HptuneError):
    """What a trainer is to run in could not be made; the reason and the way out are in the message."""


class ClusterError(HptuneError):
    """A Kubernetes cluster does not do what was asked, or does not answer; the message says what to do."""


class JobFailed(HptuneError):
    """The job ran and failed; what it finished is kept in its job directory."""


class Interrupted(JobFailed):
    """The user stopped the job; running the same command again resumes it."""

    exit_code: int = 130
