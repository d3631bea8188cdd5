"""What gcloud's command line for a training job says -> a Submission, all its faults reported together."""

from __future__ import annotations

import importlib.machinery
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path, PurePosixPath

from hptune.errors import Fault, InputError, UsageError
from hptune.job.overrides import Override
from hptune.job.previous_job import read_tuning
from hptune.job.runtime import API_VARIABLE, IMAGE_PYTHON, Runtime, RuntimeKind
from hptune.job.schema import HyperparameterSpec, Service
from hptune.job.submission import Final, Program, Submission
from hptune.job.tuning_job import TuningJob, load_job
from hptune.search.space import Categorical, Parameter
from hptune.storage.job_dir import JobDir
from hptune.storage.remote import CONNECT_TIMEOUT_S, connect, is_remote, redacted

JOBS = Path("hptune-jobs")
_JOB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
_NOTHING_TO_RUN = (
    "is missing: neither the flags nor the job file say what to run; --module-name trainer.task names a "
    "package's module, --command 'python task.py' a script"
)
_TRAINERS_WRITE = ("gs", "s3")
_WRITABLE = ("gs", "s3", "minio")
_WRITABLE_SHOWN = "gs://, s3://, minio:// and a path on a volume"
_FLAG_WORDS = {"true", "false"}
_INTERPRETER = re.compile(r"python[\d.]*|Rscript|(?:ba)?sh")
_SCRIPT = re.compile(r"[^-].*\.(?:py|R|r|sh)")
_MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Request:
    """A job as gcloud's flags describe it; what a flag leaves out is looked for in the job file.

    Attributes:
        config: The job file, or the job where it has been read.
        name: The job's name.
        module_name: The trainer's module.
        command: The trainer as a command line, in place of a module.
        package_path: Directory of the trainer's package.
        packages: Archives of Python packages to install for the trainer.
        job_dir: Where the job is to live.
        user_args: The user's arguments to the trainer.
        seed: Seed of the suggestions.
        overrides: Fields of the job file that other flags set, where it has not been read.
        runtime: What the trainer is to run in; None leaves it to what the trainer was written for.
        python: Path of the interpreter that the trainer is to run in; None for the runtime's own.
        docker_flags: Further flags of ``docker run``, for a trainer that runs in a container of this machine.
        switches: Parameters that the trainer takes as flags without a value.
        final: Which of a trial's measurements judges it; None for what the job file says, or the last.
    """

    config: Path | TuningJob
    name: str | None = None
    module_name: str | None = None
    command: str | None = None
    package_path: Path | None = None
    packages: tuple[str, ...] = ()
    job_dir: str | None = None
    user_args: tuple[str, ...] = ()
    seed: int = 0
    overrides: tuple[Override, ...] = ()
    runtime: RuntimeKind | None = None
    python: str | None = None
    docker_flags: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    final: Final | None = None

    def asked_runtime(self, program: Program) -> Runtime | None:
        """Returns the runtime that flags ask for, or the program itself by its image."""
        if program.image:
            return Runtime(RuntimeKind.CONTAINER, image=program.image, flags=self.docker_flags)
        if self.runtime is None and self.python is None:
            return None
        return Runtime(self.runtime or RuntimeKind.PYTHON, self.python or "")


class Place(Enum):
    """Where a job's trials run, which decides what a request must name and how.

    Here, a job's directory, its packages and the trainer are those of this machine; a job that names no
    directory, or a bucket for its trainers to write to, gets one in `JOBS`. In a cluster the directory is a
    URI, or a path on a volume that the pods mount, and empty where there is none. The trainer's module is
    then that of the image or of the packages, which are addresses; whoever puts the package at
    ``Request.package_path`` somewhere adds its address.
    """

    HERE = "here"
    CLUSTER = "cluster"


def resolve(request: Request, place: Place) -> Submission:
    """Completes a request from its job file and checks what can be checked from here.

    Raises:
        InputError: The job file or the flags have faults; all of them.
    """
    here = place is Place.HERE
    faults: list[Fault] = []
    job = _job(request, faults)
    job_dir = request.job_dir or (job.job_dir if job else None)
    name = request.name or (_name_of(job_dir, place) if job_dir else None)
    packages = _packages(request, job)
    field = "--job-dir" if request.job_dir or job is None else f"{job.source}: {job.field('jobDir')}"
    faults += _name_faults(request, name)
    if job_dir:
        faults += (_path_faults if here else _uri_faults)(job_dir, field)
    faults += _package_path_faults(request.package_path)
    faults += (_archive_faults if here else _address_faults)(packages)
    address = job_dir.rstrip("/") if here and job_dir and is_remote(job_dir) else ""
    home = str((Path(job_dir) if job_dir and not address else JOBS / (name or "")).absolute())
    program = Program()
    if job:
        program = _program(request, job, place, JobDir(Path(home)).packages if packages else None)
        faults += [
            *_runtime_faults(request),
            *_container_faults(request, job, program, place),
            *_command_faults(request),
            *_program_faults(program),
        ]
        faults += _switch_faults(request.switches, job)
        if here and not program.image:
            faults += _missing_program_faults(program, job)
        if here and not packages and _is_package(request.package_path):
            faults += _module_faults(program)
    if faults or job is None or name is None:
        raise UsageError(faults) if job else InputError(faults)
    return Submission(
        name=name,
        job=job,
        program=program,
        user_args=request.user_args or job.args or job.container_args,
        job_dir=home if here else (job_dir or "").rstrip("/"),
        # The service gave trainers --job-dir only where the job had one: some do not know the flag.
        # Vertex AI named it in AIP_MODEL_DIR and the like.
        pass_job_dir=job_dir is not None and job.service is not Service.VERTEX_AI,
        packages=tuple(str(Path(package).absolute()) for package in packages) if here else packages,
        seed=request.seed,
        runtime=request.asked_runtime(program),
        switches=tuple(sorted(set(request.switches))),
        final=request.final or (Final.BEST if job.best_counts else Final.LAST),
        address=address,
    )


def _switch_faults(switches: tuple[str, ...], job: TuningJob) -> Iterator[Fault]:
    known = job.space.names
    for name in switches:
        if name not in known:
            yield Fault("--switch", f"{name!r} is not a parameter; must be one of {', '.join(known)}")
        elif not _is_flag(job.space[name]):
            allowed = "must be CATEGORICAL with True and False alone"
            yield Fault("--switch", f"{name!r} has other values; {allowed}")


def _is_flag(parameter: Parameter) -> bool:
    return isinstance(parameter, Categorical) and {each.lower() for each in parameter.values} <= _FLAG_WORDS


def _job(request: Request, faults: list[Fault]) -> TuningJob | None:
    """Reads the job file; None where it has faults, which are added to ``faults``."""
    if isinstance(request.config, TuningJob):
        return request.config
    try:
        return load_job(request.config, request.overrides, partial(_earlier_tuning, request))
    except InputError as error:
        faults += error.faults
        return None


def _earlier_tuning(request: Request, job_id: str, job_dir: str | None) -> HyperparameterSpec | None:
    """Reads what the job of resumePreviousJobId tuned; it may be gone once this one has begun."""
    given = request.job_dir or job_dir
    home = Path(given) if given else JOBS / (request.name or "")
    return read_tuning(home) or read_tuning(home.absolute().parent / job_id)


def _name_of(job_dir: str, place: Place) -> str:
    return Path(job_dir).resolve().name if place is Place.HERE else PurePosixPath(job_dir).name


def _uri_faults(job_dir: str, field: str) -> Iterator[Fault]:
    scheme, separator, _ = job_dir.partition("://")
    if separator and scheme not in _WRITABLE:
        yield Fault(field, f"{redacted(job_dir)!r} cannot be written to; allowed: {_WRITABLE_SHOWN}")
    elif not separator and not job_dir.startswith("/"):
        yield Fault(
            field,
            f"{job_dir!r} is not an absolute path; pods have no directory of this machine to begin with",
        )


def _address_faults(packages: tuple[str, ...]) -> Iterator[Fault]:
    for package in packages:
        if "://" not in package and not package.startswith("/"):
            yield Fault(
                "--packages", f"{package!r} is on this machine; must be a URI, such as gs://bucket/x.tar.gz"
            )


def _packages(request: Request, job: TuningJob | None) -> tuple[str, ...]:
    """Returns the archives to install; flags win over those that the job file names, as gcloud's did."""
    if request.packages or request.package_path or job is None:
        return request.packages
    return job.package_uris


def _name_faults(request: Request, name: str | None) -> Iterator[Fault]:
    if name is None:
        yield Fault("JOB", "is missing: give the job a name, or a --job-dir to name it after")
    elif not _JOB_NAME.fullmatch(name):
        origin = "" if request.name else ", the name of the job's directory,"
        yield Fault(
            "JOB",
            f"{name!r}{origin} is not allowed (a letter, then up to 127 letters, digits, '_', '-' and '.')",
        )


def _path_faults(job_dir: str, field: str) -> Iterator[Fault]:
    scheme, separator, _ = job_dir.partition("://")
    if separator and scheme in _TRAINERS_WRITE:
        yield from _bucket_faults(job_dir, field)
        return
    if separator:
        allowed = f"a path, such as {JOBS}/x, or gs:// or s3://, for trainers that write there themselves"
        yield Fault(field, f"{redacted(job_dir)!r} is not on this machine; must be {allowed}")
        return
    ancestor = next(path for path in Path(job_dir).absolute().parents if path.exists())
    if not ancestor.is_dir():
        yield Fault(field, f"{job_dir!r} is below {ancestor}, which is a file and must be a directory")


def _bucket_faults(address: str, field: str) -> Iterator[Fault]:
    """Checks that the address can be read, for what trainers report there; the bucket is not asked."""
    try:
        connect(address.rstrip("/"), CONNECT_TIMEOUT_S)
    except UsageError as error:
        yield from (Fault(field, str(fault)) for fault in error.faults)


def _is_package(path: Path | None) -> bool:
    return path is None or (path / "__init__.py").is_file()


def _package_path_faults(path: Path | None) -> Iterator[Fault]:
    if path and not path.is_dir():
        yield Fault("--package-path", f"{path} is not a directory; must be the trainer's package")
    elif path and not _is_package(path):
        ways = "create one, or leave --package-path out and run its script with --command 'python SCRIPT'"
        yield Fault("--package-path", f"{path} is not a Python package (it has no __init__.py): {ways}")


def _archive_faults(packages: tuple[str, ...]) -> Iterator[Fault]:
    for package in packages:
        if not Path(package).is_file():
            yield Fault(
                "--packages", f"{package!r} is not a file; must be a local archive, such as dist/x.tar.gz"
            )


def _program(request: Request, job: TuningJob, place: Place, installed: Path | None) -> Program:
    module = request.module_name or job.python_module
    if request.command is not None or module is None:
        command = job.container_command if request.command is None else _split(request.command)
        program = Program(command=command, image=_image(request, job, command, place))
        return _in_image(program, request.runtime) if place is Place.CLUSTER else program
    if place is Place.CLUSTER:
        return _in_image(Program(module, python=request.python or ""), request.runtime)
    directories = (_parent_of(request.package_path, module), installed)
    return Program(module, python_path=tuple(str(each) for each in directories if each))


def _in_image(program: Program, runtime: RuntimeKind | None) -> Program:
    """Returns a program of a cluster as it runs in the image that has the environment of a runtime."""
    if runtime is None or not runtime.is_managed:
        return program
    return replace(program, python=IMAGE_PYTHON, variables={API_VARIABLE: runtime.tensorflow_api})


def _image(request: Request, job: TuningJob, command: tuple[str, ...], place: Place) -> str:
    """Returns the image that a command, or no command, runs in; empty where that is not asked for.

    With ``--runtime python`` the command is one of this machine or, in a cluster, of an image with hptune. So
    it is here where an interpreter of this machine is named for it.
    """
    if place is Place.HERE and request.runtime is None and request.python is not None and command:
        return ""
    asked = request.runtime in (None, RuntimeKind.CONTAINER)
    return job.image_uri if asked and job.image_uri else ""


def _split(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError:
        # An apostrophe alone: a fault says what a command looks like.
        return ()


def _parent_of(package: Path | None, module: str) -> Path | None:
    """Finds the directory that the module's package lies in, or the module itself where it is a file.

    It is that of the package given or, where it has the package or the module's file, the current one.
    """
    if package:
        return package.absolute().parent
    if not _MODULE_NAME.fullmatch(module):
        return None
    top, file = Path(module.partition(".")[0]), Path(module.replace(".", "/"))
    found = (top / "__init__.py").is_file() or file.with_name(f"{file.name}.py").is_file()
    return Path.cwd() if found else None


def _command_faults(request: Request) -> Iterator[Fault]:
    if request.command is not None and request.module_name:
        yield Fault("--command", "stands in place of --module-name; give one of them")
    if request.command is not None and not _split(request.command):
        yield Fault("--command", f"{request.command!r} is no command line, such as 'python task.py'")


def _runtime_faults(request: Request) -> Iterator[Fault]:
    if request.runtime and request.runtime.is_managed and request.python is not None:
        yield Fault(
            "--python", f"names the interpreter of --runtime python; --runtime {request.runtime} has its own"
        )


def _container_faults(request: Request, job: TuningJob, program: Program, place: Place) -> Iterator[Fault]:
    if request.runtime is RuntimeKind.CONTAINER and not job.image_uri:
        problem = f"container needs an image: {job.field('masterConfig.imageUri')} or --master-image-uri"
        yield Fault("--runtime", problem)
    elif request.runtime is RuntimeKind.CONTAINER and program.module:
        ways = f"leave {program.module} out, or name it by --command 'python -m {program.module}'"
        yield Fault("--runtime", f"container runs the image's own entrypoint or --command; {ways}")
    if program.image and request.python is not None:
        problem = f"names an interpreter; a container of {program.image} has its own"
        way = "--command 'python task.py' beside it runs the trainer here, without the image"
        has_way = place is Place.HERE and request.runtime is None
        yield Fault("--python", f"{problem}; {way}" if has_way else problem)
    if program.image and (request.packages or request.package_path or job.package_uris):
        problem = f"cannot be put into a container of {program.image}: build it into the image"
        ways = (
            f"{problem}; --runtime python is for one that has hptune" if place is Place.CLUSTER else problem
        )
        yield Fault("--package-path or --packages", ways)
    if request.docker_flags and (not program.image or place is Place.CLUSTER):
        yield Fault("--docker-flag", "is for a trainer in a container of this machine, by its image alone")


def _missing_program_faults(program: Program, job: TuningJob) -> Iterator[Fault]:
    """Looks for a command's program where a trial will, and for the script that it runs."""
    if not program.command:
        return
    place = f"--command or {job.field('masterConfig.containerCommand')}"
    name, *words = program.command
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    if shutil.which(name, path=path) is None:
        script = f", run it as in 'python {name}'" if Path(name).is_file() else ""
        image = "or name an image that has it with --master-image-uri"
        problem = f"{name!r} is not on PATH; install it, give its path{script}, {image}"
        yield Fault(place, problem)
    elif _INTERPRETER.fullmatch(Path(name).name) and words and _is_missing_script(words[0]):
        problem = f"there is no file {words[0]!r} in {Path.cwd()}, which {name!r} is to run"
        yield Fault(place, problem)


def _is_missing_script(word: str) -> bool:
    return _SCRIPT.fullmatch(word) is not None and not Path(word).is_file()


def _program_faults(program: Program) -> Iterator[Fault]:
    if program.module is not None and not _MODULE_NAME.fullmatch(program.module):
        problem = f"{program.module!r} is not the name of a Python module, such as trainer.task"
        yield Fault("--module-name", f"{problem}; a file is run by --command 'python FILE'")
    elif program.module is None and not program.command and not program.image:
        yield Fault("--module-name", _NOTHING_TO_RUN)


def _module_faults(program: Program) -> Iterator[Fault]:
    """Looks for the module without importing it, which would run the user's code here."""
    module, python_path = program.module, program.python_path
    if module is None or not _MODULE_NAME.fullmatch(module):
        return
    package, *rest = module.split(".")
    if not rest and any((Path(d) / f"{package}.py").is_file() for d in python_path):
        return
    directory = next((Path(d) for d in python_path if (Path(d) / package).is_dir()), None)
    if directory is None:
        if importlib.machinery.PathFinder.find_spec(package) is None:
            yield Fault("--module-name", _no_module(module, python_path))
        return
    base = directory.joinpath(package, *rest)
    file = base.with_name(base.name + ".py") if rest else base / "__main__.py"
    if not file.is_file() and not (base / "__main__.py").is_file():
        yield Fault("--module-name", f"there is no module {module!r}: {file} does not exist")


def _no_module(module: str, python_path: tuple[str, ...]) -> str:
    package, *rest = module.split(".")
    if rest == ["py"]:
        return f"{module!r} is the name of a file; in its directory --module-name {package} runs it"
    where = " or ".join((*python_path, "the Python environment"))
    return (
        f"there is no package or module {package!r} in {where}; "
        f"--package-path names the trainer's package, such as ./{package} with an __init__.py; "
        f"a script runs in its directory with --module-name {[package, *rest][-1]}, or by --command"
    )
