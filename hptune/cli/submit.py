"""Implements ``hptune submit``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from hptune.api.prepare import prepare_for_cluster
from hptune.backends.find import words_of
from hptune.backends.katib.options import KatibOptions
from hptune.cli.options.cluster import CONTEXT
from hptune.cli.options.grouped import UserArgsCommand
from hptune.cli.options.job import job_request
from hptune.cli.options.katib import katib_options
from hptune.cli.run_and_show import run_and_show
from hptune.console.output import outliving_readers
from hptune.console.program import command_line, command_to_type, say
from hptune.job.request import Request
from hptune.job.submission import Submission
from hptune.results.study import JobStatus
from hptune.steps.report import report as write_report
from hptune.storage import transfer
from hptune.storage.job_dir import JobDir


@click.command(cls=UserArgsCommand)
@job_request(
    "async",
    "labels",
    "service-account",
    package_path="Packs the trainer's package in this directory and puts it into --job-dir.",
    packages="Installs Python packages for the trainer from these addresses, comma-separated.",
    job_dir="Has the job write here: gs://, s3://, minio://, or a path on --volume-claim.",
)
@click.option("--stream-logs", is_flag=True, help="Shows what the trainers print.")
@click.option("--async", "asynchronous", is_flag=True, help="Does not wait for the job to end.")
@click.option(
    "--delete-on-cancel",
    is_flag=True,
    help="Cancels the job when this command is interrupted and, in a pod of the cluster, when the pod "
    "ends in any way. Elsewhere kill -9 leaves the job running.",
)
@CONTEXT
@katib_options
def submit(
    request: Request,
    stream_logs: bool,
    asynchronous: bool,
    delete_on_cancel: bool,
    context: str | None,
    options: KatibOptions,
    without_effect: tuple[str, ...],
) -> None:
    """Runs the tuning job JOB in a cluster, as a Katib Experiment; the trainer's own arguments come after --.

    Takes the command line of gcloud ai-platform jobs submit training. Waits for the end and shows the trials.
    When this command is stopped or killed the job goes on, and the same command shows it again.

    \b
    Example:
      hptune submit job --config trainer/hptune.yaml --package-path trainer \\
          --module-name trainer.task --job-dir gs://bucket/job \\
          --image REGISTRY/trainer:1 \\
          -- --train-file gs://bucket/data.npz
    """
    submission, backend = prepare_for_cluster(
        request,
        options,
        context,
        delete_on_cancel=delete_on_cancel,
        without_effect=without_effect,
        command_line=command_line(),
    )
    words = words_of(submission.name, options.namespace, context)
    if asynchronous:
        backend.submit(submission)
        _print_commands(words)
        return
    with outliving_readers():
        say("logs:  " + command_to_type(f"stream-logs {words}"))
        say("watch: " + command_to_type(f"describe {words} --watch"))
        status = run_and_show(backend, submission, stream_logs=stream_logs)
        if backend.keeps(submission):
            _put_report(status, submission)
        else:
            _print_commands(words)


def _put_report(status: JobStatus, submission: Submission) -> None:
    files = JobDir(Path())
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / files.report
        write_report(status, page, submission)
        transfer.put(page, f"{submission.job_dir}/{files.report}")
    for title, file in (("results:", files.results), ("report: ", files.report)):
        click.echo(f"{title} {submission.job_dir}/{file}")
    if submission.pass_job_dir:
        click.echo(f"trials:  {submission.job_dir}/TRIAL, as --job-dir of each")


def _print_commands(words: str) -> None:
    for title, command in (("status:", "describe"), ("logs:  ", "stream-logs"), ("stop:  ", "cancel")):
        click.echo(f"{title} " + command_to_type(f"{command} {words}"))
