"""What the tune and the train step are given, as the submission that `hptune run` would make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hptune.errors import Fault, UsageError
from hptune.job.overrides import Override
from hptune.job.request import Place, Request, resolve
from hptune.job.submission import Submission
from hptune.job.tuning_job import TuningJob

BACKENDS = ("local", "katib")
"""Where trials run."""


@dataclass(frozen=True)
class Trainer:
    """The user's trainer.

    Attributes:
        module_name: Its module; empty where the job file names it.
        package_path: Directory of its package; empty where it is installed.
        args: The user's own arguments for it; empty for those of the job file.
        data_flag: The flag that tells it of its data file; empty where it has none.
    """

    module_name: str = ""
    package_path: str = ""
    args: Sequence[str] = ()
    data_flag: str = "--train-file"

    def user_args(self, job: TuningJob, data: Path | str) -> tuple[str, ...]:
        """Returns the user's arguments with the data file's path or address after them."""
        args = tuple(self.args) or job.args or job.container_args
        return (*args, self.data_flag, str(data)) if self.data_flag else args

    def submission(
        self, job: TuningJob, name: str, data: Path | str, job_dir: Path | str, place: Place, seed: int = 0
    ) -> Submission:
        """Makes what ``hptune run`` or ``hptune submit`` would make of a job with this trainer.

        Raises:
            InputError: Something of it cannot be used; carries every fault.
        """
        request = Request(
            config=job,
            name=name,
            module_name=self.module_name or None,
            package_path=Path(self.package_path) if self.package_path else None,
            job_dir=str(job_dir),
            user_args=self.user_args(job, data),
            seed=seed,
        )
        return resolve(request, place)


def check_backend(backend: str) -> None:
    """Refuses a backend that there is not.

    Raises:
        UsageError: There is none of this name.
    """
    if backend not in BACKENDS:
        raise UsageError(Fault("backend", f"{backend!r} is not allowed (must be {' or '.join(BACKENDS)})"))


def limits(max_trials: int = 0, max_parallel_trials: int = 0) -> tuple[Override, ...]:
    """Returns what sets other limits than the job file's; 0 keeps the file's."""
    given = (
        ("max_trials", "maxTrials", max_trials),
        ("max_parallel_trials", "maxParallelTrials", max_parallel_trials),
    )
    return tuple(Override(name, ("hyperparameters", key), str(limit)) for name, key, limit in given if limit)
