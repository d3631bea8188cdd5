"""``hptune katib``: a job file as a Katib Experiment, printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from hptune.backends.base import Submission
from hptune.backends.katib.options import DEFAULT_IMAGE, KatibAlgorithm, KatibOptions
from hptune.cli_options import UserArgsCommand, user_args, warn
from hptune.errors import Fault, InputError, UsageError
from hptune.job import TuningJob, load_job
from hptune.programs import TrainerSource, programs_beside
from hptune.results import to_yaml
from hptune.submit import Request, resolve_for_cluster

F = TypeVar("F", bound=Callable[..., object])

_PATH = click.Path(path_type=Path)
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def _bytes(_: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """An amount of memory as Kubernetes writes it."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,15})([KMGT]i)?", value, re.ASCII)
    if match is None:
        raise click.BadParameter(f"{value!r} is not an amount of memory, such as 512Mi or 16Gi", param=param)
    return int(match[1]) * _UNITS.get(match[2], 1)


def _pairs(_: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE``, as often as it was given."""
    split = [value.partition("=") for value in values]
    for name, equals, value in split:
        if not name or not equals:
            raise click.BadParameter(f"{name + equals + value!r} is not NAME=VALUE", param=param)
    return {name: value for name, _, value in split}


_DEFAULTS = KatibOptions()
_FLAGS: tuple[Callable[[Any], Any], ...] = (
    click.option("--namespace", default=_DEFAULTS.namespace, show_default=True, help="Of the Experiment."),
    click.option("--image", help=f"Has hptune and the trainer.  [default: {DEFAULT_IMAGE}]"),
    click.option("--image-pull-secret", help="The secret for the image's registry."),
    click.option(
        "--algorithm",
        type=click.Choice([each.value for each in KatibAlgorithm]),
        default=_DEFAULTS.algorithm.value,
        show_default=True,
        help="What suggests trials where the job file leaves it open: Katib's own, or hptune's, which must "
        "be registered with the cluster.",
    ),
    click.option("--service-account", help="The pods' service account.  [default: the namespace's]"),
    click.option("--secret", help="A secret whose entries trainers get as environment variables."),
    click.option("--volume-claim", help="A persistent volume claim that all trials mount."),
    click.option(
        "--mount-path", default=_DEFAULTS.mount_path, show_default=True, help="Where the claim is mounted."
    ),
    click.option("--gpus", type=int, help="GPUs of a trial.  [default: those of the job's machine]"),
    click.option(
        "--accelerator",
        help="GKE's name of the GPU, such as nvidia-l4; '' for any.  [default: the machine's]",
    ),
    click.option("--cpu", type=float, help="CPUs a trial asks for.  [default: what such a machine can give]"),
    click.option("--memory", "memory_bytes", callback=_bytes, help="Memory it asks for, such as 16Gi."),
    click.option(
        "--shared-memory",
        "shared_memory_bytes",
        callback=_bytes,
        help="Size of /dev/shm.  [default: half of the memory]",
    ),
    click.option("--node-selector", multiple=True, callback=_pairs, help="LABEL=VALUE that nodes must have."),
    click.option(
        "--label",
        "labels",
        multiple=True,
        callback=_pairs,
        help="NAME=VALUE, for the Experiment and its pods.",
    ),
    click.option("--priority-class", help="The pods' priority class."),
)


def katib_flags(function: F) -> F:
    """Adds a flag for each field of `KatibOptions`, for `options_of` to read."""
    for flag in reversed(_FLAGS):
        function = flag(function)
    return function


def options_of(flags: dict[str, Any]) -> KatibOptions:
    """Takes what `katib_flags` added out of ``flags``."""
    values = {field.name: flags.pop(field.name) for field in fields(KatibOptions)}
    return KatibOptions(**{**values, "algorithm": KatibAlgorithm(values["algorithm"])})


@click.command(cls=UserArgsCommand)
@click.argument("file", type=_PATH)
@click.option("--name", help="The job's name.  [default: that of its directory, or of the trainer's]")
@click.option("--module-name", help="The trainer's module.  [default: the one beside FILE that can be run]")
@click.option("--job-dir", help="Where trials write: a URI, or a path on the volume.")
@click.option("--packages", help="URIs of archives of Python packages for the trainer, comma-separated.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@katib_flags
def katib(
    file: Path,
    name: str | None,
    module_name: str | None,
    job_dir: str | None,
    packages: str | None,
    seed: int,
    **flags: Any,  # noqa: ANN401  (of whatever types the options are)
) -> None:
    """Print the job file FILE as a Katib Experiment; the trainer's own arguments come after --.

    What Katib cannot do as the file says is refused, or named in a warning.

    \b
    Examples:
      hptune katib trainer/hptune.yaml | kubectl create -f -
      hptune katib trainer/hptune.yaml --job-dir gs://bucket/mnist --secret storage \\
          --algorithm gp-bandit -- --train-file gs://bucket/data.npz
    """
    # Takes half a second, which the other commands need not wait for.
    from hptune.backends.katib.experiment import build_experiment, differences

    programs = programs_beside(file)
    job = _job_or_file(file)
    request = Request(
        config=job,
        name=name or (None if _has_job_dir(job, job_dir) else _name_beside(file)),
        module_name=module_name or _only_module(job, programs),
        packages=tuple(filter(None, packages.split(","))) if packages else (),
        job_dir=job_dir,
        user_args=user_args() or (),
        seed=seed,
    )
    submission, assumed = _complete(resolve_for_cluster(request), programs)
    options = options_of(flags)
    manifest = build_experiment(submission, options)
    warn((*submission.job.warnings, *assumed, *differences(submission, options)))
    click.echo(to_yaml(manifest), nl=False)


def _job_or_file(file: Path) -> TuningJob | Path:
    """The job; the file where it has faults, for those to be reported together with the flags'."""
    try:
        return load_job(file)
    except InputError:
        return file


def _has_job_dir(job: TuningJob | Path, given: str | None) -> bool:
    return bool(given or (isinstance(job, TuningJob) and job.job_dir))


def _name_beside(file: Path) -> str:
    """The name of the directory that holds the job file, or of the one above the trainer's package."""
    directory = file.absolute().parent
    if (directory / "__init__.py").is_file():
        directory = directory.parent
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", directory.name).lstrip("0123456789_.-")[:128] or "job"


def _only_module(job: TuningJob | Path, programs: Sequence[TrainerSource]) -> str | None:
    """The one module beside the job file that can be run, where the file itself does not name another.

    Raises:
        UsageError: There are several.
    """
    if not isinstance(job, TuningJob) or job.python_module or job.container_command or not programs:
        return None
    if len(programs) > 1:
        names = ", ".join(program.module for program in programs)
        raise UsageError(Fault("--module-name", f"is missing; {names} can be run"))
    return programs[0].module


def _complete(submission: Submission, programs: Sequence[TrainerSource]) -> tuple[Submission, list[str]]:
    """Gives a trainer what its source says it cannot do without, and says so."""
    module = submission.program.module
    required = next((program.required_flags for program in programs if program.module == module), ())
    given = {f"--{name}" for name in submission.job.space.names}
    given |= {arg.partition("=")[0] for arg in submission.user_args}
    if submission.pass_job_dir:
        given.add("--job-dir")
    assumed = []
    for flag in (flag for flag in required if flag not in given):
        if flag == "--job-dir":
            submission = replace(submission, pass_job_dir=True)
            assumed.append(f"{module} requires {flag}: each trial gets a directory of its pod")
        else:
            assumed.append(f"{module} requires {flag}, which it is not given; add it after --")
    return submission, assumed
