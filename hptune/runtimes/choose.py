"""Which runtime a job's trainer gets, and why."""

from __future__ import annotations

import importlib.machinery
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hptune.job.runtime import Runtime, RuntimeKind
from hptune.job.submission import Submission
from hptune.runtimes import requirements
from hptune.runtimes.source import Traits, inspect_source

# The last release with Keras 2 as its own.
_LAST_KERAS2 = (2, 15)


@dataclass(frozen=True)
class Choice:
    """A runtime and why it was chosen, in words; empty where nothing is worth saying."""

    runtime: Runtime
    reason: str = ""


def choose(submission: Submission) -> Choice:
    """Chooses the runtime of a job: the one asked for, else the one that its trainer was written for.

    A runtime version is a hint: the trainer's source says whether it uses what TensorFlow has no more. One
    that runs in hptune's own interpreter is left there.
    """
    if submission.runtime is not None and submission.runtime.kind is RuntimeKind.CONTAINER:
        return Choice(submission.runtime, f"a container of {submission.runtime.image}")
    traits = inspect_source(source_of(submission))
    if submission.runtime is not None:
        return Choice(_with_requirements(submission.runtime, submission, traits))
    chosen = _by_source(submission, traits, is_module=submission.program.module is not None)
    return replace(chosen, runtime=_with_requirements(chosen.runtime, submission, traits))


def _by_source(submission: Submission, traits: Traits, *, is_module: bool) -> Choice:
    version = _version(submission)
    before_2 = version is not None and version < (2, 0)
    field = submission.job.field("runtimeVersion")
    shown = f"{field} {version[0]}.{version[1]}" if version else f"no {field}"
    use = traits.tf1 or traits.estimator
    if before_2:
        # Its Keras named metrics otherwise: acc, not accuracy.
        use = use or traits.moved or ("" if traits.tf2 else traits.keras)
    if use and (version is None or before_2):
        return Choice(Runtime(RuntimeKind.TF1), f"TensorFlow 1: {shown}, {use}")
    if before_2 and is_module and not traits.files:
        return Choice(Runtime(RuntimeKind.TF1), f"TensorFlow 1: {shown}; the trainer's source is not here")
    if traits.estimator or traits.moved:
        return Choice(
            Runtime(RuntimeKind.KERAS2), f"TensorFlow 2.15: {shown}, {traits.estimator or traits.moved}"
        )
    if version and (2, 0) <= version <= _LAST_KERAS2 and traits.keras:
        return Choice(Runtime(RuntimeKind.KERAS2), f"Keras 2: {shown}, {traits.keras}")
    why = f"hptune's own Python: {shown}, but the trainer uses nothing that TensorFlow 1 alone has"
    return Choice(Runtime(), why if before_2 else "")


def _version(submission: Submission) -> tuple[int, int] | None:
    major, _, minor = str(submission.job.training_input.get("runtimeVersion", "")).partition(".")
    minor = minor.partition(".")[0] or "0"
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None


def _with_requirements(runtime: Runtime, submission: Submission, traits: Traits) -> Runtime:
    """Adds to the runtime what the project or the archives of the trainer's package ask for.

    A command's is not known.
    """
    program = submission.program
    if program.module is None:
        return runtime
    archived = [line for each in submission.packages for line in requirements.read_archive(Path(each))]
    runtime = replace(runtime, requirements=(*runtime.requirements, *archived))
    if not program.python_path:
        return runtime
    project = Path(program.python_path[0])
    imports = tuple(sorted(name for name in traits.imports if not _is_own(name, project, program.module)))
    return replace(
        runtime,
        requirements=tuple(dict.fromkeys((*runtime.requirements, *requirements.read(project)))),
        optional=requirements.read_optional(project),
        imports=imports,
    )


def _is_own(name: str, project: Path, module: str) -> bool:
    """Returns whether a package is the project's: beside the trainer's or, as Python 2 let it, in it."""
    return any(
        (folder / name).is_dir() or (folder / f"{name}.py").is_file()
        for folder in (project, project.joinpath(*module.split(".")[:-1]))
    )


def source_of(submission: Submission) -> Iterator[Path]:
    """Yields the files and directories of a trainer's source, as far as it is here."""
    program = submission.program
    if program.module is None:
        # A script's siblings are its own: what it imports lies beside it.
        scripts = (Path(token) for token in program.command if token.endswith(".py"))
        yield from (path for script in scripts for path in sorted(script.parent.glob("*.py")))
        return
    yield from (Path(package) for package in submission.packages)
    top = program.module.partition(".")[0]
    for directory in program.python_path:
        yield Path(directory, top)
        yield Path(directory, f"{top}.py")
    if not program.python_path:
        # Found, and not imported: that would run it here.
        spec = importlib.machinery.PathFinder.find_spec(top)
        yield from map(Path, (spec.submodule_search_locations or [spec.origin or ""]) if spec else ())
