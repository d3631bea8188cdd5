"""hptune: Cloud ML Engine hyperparameter tuning jobs, run where they can still run.

    study = hptune.run("trainer/hptune.yaml", module_name="trainer.task", job_dir="out/job")
    study.best.parameters

Each name is imported when it is first used: what a program does not use costs it nothing.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hptune.api.jobs import describe as describe
    from hptune.api.jobs import load_job as load_job
    from hptune.api.jobs import run as run
    from hptune.api.jobs import submit as submit
    from hptune.backends.katib.options import KatibOptions as KatibOptions
    from hptune.errors import HptuneError as HptuneError
    from hptune.errors import InputError as InputError
    from hptune.errors import JobFailed as JobFailed
    from hptune.job.tuning_job import TuningJob as TuningJob
    from hptune.results.study import JobStatus as JobStatus
    from hptune.results.study import Study as Study
    from hptune.results.study import Trial as Trial
    from hptune.search.bandit import GPBanditSampler as GPBanditSampler

__version__ = version("hptune")

_HOMES = {
    "describe": "hptune.api.jobs",
    "load_job": "hptune.api.jobs",
    "run": "hptune.api.jobs",
    "submit": "hptune.api.jobs",
    "KatibOptions": "hptune.backends.katib.options",
    "HptuneError": "hptune.errors",
    "InputError": "hptune.errors",
    "JobFailed": "hptune.errors",
    "TuningJob": "hptune.job.tuning_job",
    "JobStatus": "hptune.results.study",
    "Study": "hptune.results.study",
    "Trial": "hptune.results.study",
    "GPBanditSampler": "hptune.search.bandit",
}
__all__ = [
    "GPBanditSampler",
    "HptuneError",
    "InputError",
    "JobFailed",
    "JobStatus",
    "KatibOptions",
    "Study",
    "Trial",
    "TuningJob",
    "__version__",
    "describe",
    "load_job",
    "run",
    "submit",
]


def __getattr__(name: str) -> object:
    """Imports one of the names above when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """Lists the names above."""
    return sorted({*globals(), *__all__})
