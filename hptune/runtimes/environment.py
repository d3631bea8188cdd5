"""Makes a runtime ready, and a job's trainer run in it."""

from __future__ import annotations

import sys
from dataclasses import replace

from hptune.errors import Fault, UsageError
from hptune.job.runtime import API_VARIABLE, Runtime, RuntimeKind
from hptune.job.submission import Program, Submission
from hptune.runtimes import STARTUP, docker, interpreters, managed, overlay, pip, requirements
from hptune.runtimes.cache import Progress, is_complete


def make_ready(submission: Submission, progress: Progress, *, may_install: bool = True) -> Submission:
    """Makes the job's runtime ready; what its trainer needs is installed, once for all jobs.

    Args:
        submission: The job, its runtime settled; one of before there was a choice is left as it is.
        progress: Is told what is installed.
        may_install: Whether something may be; where not, what would be is named in the error.

    Raises:
        RuntimeNotReady: The runtime could not be made.
        UsageError: Its interpreter does not run, or something would have to be installed.
    """
    runtime = submission.runtime
    if runtime is None:
        return submission
    if runtime.kind is RuntimeKind.CONTAINER:
        return replace(submission, program=_contained(submission, runtime, progress, may_install))
    return replace(submission, program=_program(submission.program, runtime, progress, may_install))


def _program(program: Program, runtime: Runtime, progress: Progress, may_install: bool) -> Program:
    base = _base(runtime)
    is_managed = base == managed.python()
    if is_managed:
        _make_managed(progress, may_install)
    python, wanted = base, _wanted(base, runtime)
    if wanted:
        python = _with_requirements(base, wanted, runtime.imports, is_managed, progress, may_install)
    own = "" if python == sys.executable else python
    return replace(program, python=own, variables=_variables(runtime))


def _contained(submission: Submission, runtime: Runtime, progress: Progress, may_install: bool) -> Program:
    """Finds the image, by whose id all trials run it: a name may be given to another one meanwhile."""
    program, place = submission.program, submission.job.field("masterConfig.imageUri")
    docker.check_engine(runtime.image, place)
    if address := docker.far_engine():
        progress(f"warning: the engine is at {address}, which must have the job's directory at the same path")
    image = docker.find_image(runtime.image)
    if image is None and not may_install:
        raise UsageError(_would_install(f"the image {runtime.image}, which is not here"))
    image = image or docker.pull(runtime.image, place, progress)
    words = () if program.command else image.words_before_arguments(f"{place} {runtime.image}")
    # The engine itself puts an entrypoint first.
    entrypoint = () if image.entrypoint else words
    return replace(program, image=image.id, entrypoint=entrypoint, flags=runtime.flags)


def _wanted(base: str, runtime: Runtime) -> tuple[str, ...]:
    lacking = pip.lacking(base, runtime.imports)
    if not lacking:
        return runtime.requirements
    asked = (*runtime.requirements, *runtime.optional)
    # Of an interpreter that the user named, what is in it is the user's matter.
    of_service = () if runtime.python else requirements.of_service(lacking, asked)
    return (*asked, *of_service)


def _base(runtime: Runtime) -> str:
    if runtime.python:
        if interpreters.ask(runtime.python) is None:
            raise UsageError(Fault("--python", f"{runtime.python!r} is no Python that can be run"))
        return runtime.python
    if runtime.kind is RuntimeKind.PYTHON:
        return sys.executable
    return managed.python()


def _make_managed(progress: Progress, may_install: bool) -> None:
    if not may_install and not managed.is_ready():
        raise UsageError(_would_install(f"an environment with {', '.join(managed.requirements())}"))
    managed.prepare(progress)


def _with_requirements(
    base: str,
    requirements: tuple[str, ...],
    imports: tuple[str, ...],
    fixed: bool,
    progress: Progress,
    may_install: bool,
) -> str:
    if may_install or is_complete(overlay.place(base, requirements)):
        return overlay.prepare(base, requirements, imports, fixed=fixed, progress=progress)
    missing = overlay.plan(requirements, pip.installed(base), fixed=fixed).missing
    if missing:
        raise UsageError(_would_install(", ".join(missing)))
    return base


def _would_install(what: str) -> Fault:
    return Fault("--no-install", f"the trainer needs {what}; install it, or leave --no-install out")


def _variables(runtime: Runtime) -> dict[str, str]:
    if _base(runtime) == managed.python():
        return {managed.STARTUP_VARIABLE: str(STARTUP), API_VARIABLE: runtime.kind.tensorflow_api}
    if runtime.python:
        # It was in every runtime of the service.
        return {"PYTHONPATH": str(overlay.hypertune_directory())}
    return {}
