"""What gcloud's command line for a training job says -> a Submission, all its faults reported together."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hptune.backends.base import Submission
from hptune.errors import Fault, InputError, UsageError
from hptune.job import TuningJob, load_job
from hptune.jobdir import JobDir
from hptune.trial.spec import Program

JOBS = Path("hptune-jobs")
_JOB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
_MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Request:
    """A job as gcloud's flags describe it; what a flag leaves out is looked for in the job file.

    Attributes:
        config: The job file.
        name: The job's name.
        module_name: The trainer's module.
        package_path: Directory of the trainer's package.
        packages: Archives of Python packages to install for the trainer.
        job_dir: Where the job is to live.
        user_args: The user's arguments to the trainer.
        seed: Seed of the suggestions.
    """

    config: Path
    name: str | None = None
    module_name: str | None = None
    package_path: Path | None = None
    packages: tuple[Path, ...] = ()
    job_dir: str | None = None
    user_args: tuple[str, ...] = ()
    seed: int = 0


def resolve(request: Request) -> Submission:
    """Completes a request from its job file and checks it.

    Raises:
        InputError: The job file or the flags have faults; all of them.
    """
    faults: list[Fault] = []
    job: TuningJob | None = None
    try:
        job = load_job(request.config)
    except InputError as error:
        faults += error.faults
    job_dir = request.job_dir or (job.job_dir if job else None)
    name = request.name or (Path(job_dir).name if job_dir else None)
    faults += _name_faults(name, job_dir)
    faults += _package_faults(request)
    home = (Path(job_dir) if job_dir else JOBS / (name or "")).absolute()
    program = _program(request, job, home) if job else Program()
    if job:
        faults += _program_faults(request, job, program)
    if faults or job is None or name is None:
        raise UsageError(faults) if job else InputError(faults)
    return Submission(
        name=name,
        job=job,
        program=program,
        user_args=request.user_args or job.args or job.container_args,
        job_dir=home,
        # The service gave trainers --job-dir only where the job had one: some do not know the flag.
        pass_job_dir=job_dir is not None,
        packages=tuple(path.absolute() for path in request.packages),
        seed=request.seed,
    )


def _name_faults(name: str | None, job_dir: str | None) -> Iterator[Fault]:
    if job_dir and "://" in job_dir:
        yield Fault(
            "--job-dir", f"{job_dir!r} is not on this machine; a local path is needed, such as ./{JOBS}/x"
        )
    if name is None:
        yield Fault("JOB", "is missing: give the job a name, or a --job-dir to name it after")
    elif not _JOB_NAME.fullmatch(name):
        yield Fault(
            "JOB", f"{name!r} is not allowed (a letter, then up to 127 letters, digits, '_', '-' and '.')"
        )


def _package_faults(request: Request) -> Iterator[Fault]:
    path = request.package_path
    if path and not path.is_dir():
        yield Fault("--package-path", f"{path} is not a directory")
    elif path and not (path / "__init__.py").is_file():
        yield Fault("--package-path", f"{path} is not a Python package (it has no __init__.py)")
    for package in request.packages:
        if not package.is_file():
            yield Fault("--packages", f"{package} is not a file")


def _program(request: Request, job: TuningJob, job_dir: Path) -> Program:
    module = request.module_name or job.python_module
    if module is None:
        return Program(command=job.container_command)
    path = _package_path(request.package_path, module)
    installed = (str(JobDir(job_dir).packages),) if request.packages else ()
    return Program(module=module, python_path=(*((str(path.absolute().parent),) if path else ()), *installed))


def _package_path(given: Path | None, module: str) -> Path | None:
    """The package's directory: the one given, or the one of that name in the current directory."""
    here = Path(module.partition(".")[0])
    return given or (here if (here / "__init__.py").is_file() else None)


def _program_faults(request: Request, job: TuningJob, program: Program) -> Iterator[Fault]:
    module = program.module
    if module is None and not program.command:
        yield Fault("--module-name", "is missing: neither the flags nor the job file say what to run")
    elif module is not None and not _MODULE_NAME.fullmatch(module):
        yield Fault("--module-name", f"{module!r} is not the name of a Python module, such as trainer.task")
    elif module is not None and not request.packages and not _exists(module, program.python_path):
        where = program.python_path[0] if program.python_path else "the Python environment"
        yield Fault(
            "--module-name", f"there is no module {module!r} in {where}; --package-path names its package"
        )
    if module is None and job.image_uri and not job.container_command:
        yield Fault(
            "masterConfig.imageUri", "containers do not run here; --module-name names the trainer inside"
        )


def _exists(module: str, python_path: tuple[str, ...]) -> bool:
    """Whether the module can be found without importing it, which would run the user's code here."""
    first, *rest = module.split(".")
    for directory in map(Path, python_path):
        base = directory.joinpath(first, *rest)
        if base.with_name(base.name + ".py").is_file() or (base / "__main__.py").is_file():
            return True
    return not python_path and importlib.util.find_spec(first) is not None
