"""Implements ``hptune katib``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from hptune.backends.katib.options import KatibOptions
from hptune.cli.options.gcloud import (
    FINAL,
    SWITCHES,
    GcloudFlags,
    accept_gcloud_flags,
    comma_separated,
)
from hptune.cli.options.grouped import UserArgsCommand, user_args
from hptune.cli.options.katib import katib_options
from hptune.cli.trainer_source import TrainerSource, programs_beside
from hptune.console.program import PATH, SEED, warn
from hptune.console.yaml_text import to_yaml
from hptune.errors import Fault, InputError, UsageError
from hptune.job.overrides import Override
from hptune.job.request import Place, Request, resolve
from hptune.job.submission import Final, Submission
from hptune.job.tuning_job import TuningJob, load_job
from hptune.runtimes.settle import settle_for_cluster


@click.command(cls=UserArgsCommand)
@click.argument("file", type=PATH)
@click.option("--name", help="Names the job.  [default: as its directory, or as the trainer's]")
@click.option(
    "--module-name", help="Runs this module as the trainer.  [default: the one beside FILE that can be run]"
)
@click.option("--command", metavar="LINE", help="Runs this command as the trainer, such as 'python task.py'.")
@click.option("--job-dir", help="Has trials write to this URI, or to this path on the volume.")
@click.option(
    "--packages",
    callback=comma_separated,
    help="Installs archives of Python packages for the trainer from these URIs, comma-separated.",
)
@SWITCHES
@FINAL
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seeds the suggestions.")
@katib_options
@accept_gcloud_flags("labels", "service-account")
def katib(
    file: Path,
    name: str | None,
    module_name: str | None,
    command: str | None,
    job_dir: str | None,
    packages: tuple[str, ...],
    switches: tuple[str, ...],
    final: Final,
    seed: int,
    options: KatibOptions,
    flags: GcloudFlags,
) -> None:
    """Prints the job file FILE as a Katib Experiment; the trainer's own arguments come after --.

    What Katib cannot do as the file says is refused, or named in a warning.

    \b
    Examples:
      hptune katib trainer/hptune.yaml | kubectl create -f -
      hptune katib trainer/hptune.yaml --module-name trainer.task \\
          --job-dir gs://bucket/job --secret storage --algorithm gp-bandit \\
          -- --train-file gs://bucket/data.npz
    """
    # Takes half a second, which the overview of all commands need not wait for.
    from hptune.backends.katib.experiment.build import build_experiment
    from hptune.backends.katib.experiment.checks import differences, unwatched_differences

    programs = programs_beside(file)
    job = _job_or_file(file, flags.overrides)
    request = Request(
        config=job,
        name=name or (None if _has_job_dir(job, job_dir) else _name_beside(file)),
        module_name=module_name or (_only_module(job, programs) if command is None else None),
        command=command,
        packages=packages,
        job_dir=job_dir,
        user_args=user_args() or (),
        seed=seed,
        overrides=flags.overrides,
        switches=switches,
        final=final,
    )
    submission = settle_for_cluster(resolve(request, Place.CLUSTER), options.image)
    submission, assumed = _complete(submission, programs)
    manifest = build_experiment(submission, options)
    unwatched = unwatched_differences(submission.job)
    warn((*submission.job.warnings, *assumed, *differences(submission, options), *unwatched))
    if flags.without_effect:
        warn([f"without effect in a cluster: {', '.join(flags.without_effect)}"])
    click.echo(to_yaml(manifest), nl=False)


def _job_or_file(file: Path, overrides: tuple[Override, ...]) -> TuningJob | Path:
    """Reads the job; returns the file where it has faults, to be reported together with the flags'."""
    try:
        return load_job(file, overrides)
    except InputError:
        return file


def _has_job_dir(job: TuningJob | Path, given: str | None) -> bool:
    return bool(given or (isinstance(job, TuningJob) and job.job_dir))


def _name_beside(file: Path) -> str:
    """Returns the name of the job file's directory, or of the one above the trainer's package."""
    directory = file.absolute().parent
    if (directory / "__init__.py").is_file():
        directory = directory.parent
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", directory.name).lstrip("0123456789_.-")[:128] or "job"


def _only_module(job: TuningJob | Path, programs: Sequence[TrainerSource]) -> str | None:
    """Finds the one module beside the job file that can be run, where the file itself names none.

    Raises:
        UsageError: There are several.
    """
    if not isinstance(job, TuningJob) or not programs:
        return None
    if job.python_module or job.container_command or job.image_uri:
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
