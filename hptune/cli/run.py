"""Implements ``hptune run``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from hptune.api.prepare import prepare_here
from hptune.backends.local.slots import MAX_SLOTS
from hptune.cli.options.grouped import UserArgsCommand
from hptune.cli.options.job import job_request
from hptune.cli.run_and_show import run_and_show
from hptune.console.output import outliving_readers
from hptune.console.program import command_line, command_to_type, say
from hptune.job.request import JOBS, Request
from hptune.job.schema import Service
from hptune.job.submission import Submission
from hptune.steps.report import report as write_report
from hptune.storage.job_dir import JobDir


@click.command(cls=UserArgsCommand)
@job_request(
    package_path="Finds the trainer's package in this directory.",
    packages="Installs these archives of Python packages for the trainer, comma-separated.",
    job_dir="Has the job write to this directory; trainers get one below it. Of a bucket, gs:// or s3://, "
    f"trainers get the address, and the job's own files are in the default.  [default: {JOBS}/JOB]",
)
@click.option("--stream-logs", is_flag=True, help="Shows what the trainers print.")
@click.option(
    "--cluster-size",
    metavar="N|max",
    help="Starts at most N tasks of each trial, its master among them; max: as many as the machine bears.",
)
@click.option(
    "--slots",
    type=click.IntRange(1, MAX_SLOTS),
    help="Runs as many trials at once, up to maxParallelTrials, be they more or fewer than the cores, which "
    "they share.  [default: the cores]",
)
@click.option("--no-install", is_flag=True, help="Installs nothing for the trainer; names what it needs.")
@click.option("--cold", is_flag=True, help="Gives each trial a new interpreter, in place of a warm one.")
def run(
    request: Request,
    stream_logs: bool,
    cluster_size: str | None,
    no_install: bool,
    cold: bool,
    slots: int | None,
    without_effect: tuple[str, ...],
) -> None:
    """Runs the tuning job JOB on this machine; the trainer's own arguments come after --.

    Takes the command line of gcloud ai-platform jobs submit training, with paths in place of buckets. The
    same command takes up a job that was cut off: finished trials are kept and not run again.

    \b
    Example:
      hptune run job --config trainer/hptune.yaml --package-path trainer \\
          --module-name trainer.task --job-dir out/job -- --train-file data.npz
    """
    submission, backend = prepare_here(
        request,
        cluster_size=cluster_size,
        may_install=not no_install,
        cold=cold,
        slots=slots,
        without_effect=without_effect,
        command_line=command_line(),
    )
    job_dir = JobDir(Path(submission.job_dir))
    with outliving_readers():
        say(f"logs:  {_logs(job_dir)}")
        say("watch: " + command_to_type(f"describe {shlex.quote(submission.job_dir)} --watch"))
        status = run_and_show(backend, submission, stream_logs=stream_logs)
        write_report(status, job_dir.report, submission)
        _print_places(submission, job_dir)


def _logs(job_dir: JobDir) -> str:
    return f"{job_dir.trials}/TRIAL/{job_dir.trial(1).log.name}"


def _print_places(submission: Submission, job_dir: JobDir) -> None:
    click.echo(f"results: {job_dir.results}\nreport:  {job_dir.report}\nlogs:    {_logs(job_dir)}")
    trials = submission.address or job_dir.root
    if submission.pass_job_dir:
        click.echo(f"trials:  {trials}/TRIAL, as --job-dir of each")
    elif submission.job.service is Service.VERTEX_AI:
        click.echo(f"trials:  {trials}/TRIAL/model, as AIP_MODEL_DIR of each")
