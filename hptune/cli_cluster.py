"""Jobs of a cluster on the command line: submit and cancel, and what the other commands do with them."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hptune import storage
from hptune.backends.base import JobStatus, Submission
from hptune.backends.katib.options import KatibOptions
from hptune.cli_katib_options import katib_options
from hptune.cli_options import UserArgsCommand, accept_gcloud_flags, given_names, warn
from hptune.cli_request import job_request
from hptune.display import console, show_logs, show_progress
from hptune.jobdir import JobDir
from hptune.results import best_line, trial_table
from hptune.statusfile import load_status
from hptune.steps.report import report as write_report
from hptune.submit import Request, resolve_for_cluster

if TYPE_CHECKING:
    from hptune.backends.katib.backend import KatibBackend

F = TypeVar("F", bound=Callable[..., object])

_CONTEXT = click.option(
    "--context", help="Of the kubeconfig.  [default: the pod's own cluster, else the current one]"
)
_DEFAULT_NAMESPACE = KatibOptions().namespace
_KATIBS_OWN = "katib-config"


@dataclass(frozen=True)
class ClusterJob:
    """A job of a cluster, by its name.

    Attributes:
        name: The job's name.
        namespace: Where its Experiment is.
        context: A context of the kubeconfig; None for the present one.
    """

    name: str
    namespace: str = _DEFAULT_NAMESPACE
    context: str | None = None

    @property
    def words(self) -> str:
        """What names it on the command line."""
        context = f" --context {shlex.quote(self.context)}" if self.context else ""
        return f"{self.name} --namespace {self.namespace}{context}"

    def backend(self) -> KatibBackend:
        """The backend that looks after it."""
        # Takes half a second, which the commands for this machine need not wait for.
        from hptune.backends.katib.backend import KatibBackend
        from hptune.backends.katib.connection import connect

        return KatibBackend(connect(self.namespace, self.context), self.name, warn=_warn)

    def submitter(self, options: KatibOptions, *, delete_on_cancel: bool) -> KatibBackend:
        """The backend that makes it and watches it."""
        from hptune.backends.katib.backend import KatibBackend
        from hptune.backends.katib.connection import JOB_PATIENCE_S, connect

        cluster = connect(self.namespace, self.context, patience_s=JOB_PATIENCE_S)
        return KatibBackend(
            cluster, self.name, options, warn=_warn, words=self.words, delete_on_cancel=delete_on_cancel
        )

    def describe(self) -> JobStatus:
        """Where it stands."""
        return self.backend().describe()

    def print_names(self) -> None:
        """Prints which trial is which in the cluster, where their names do not have their numbers."""
        for number, name in sorted(self.backend().trial_names().items()):
            if not name.endswith(f"-{number}"):
                click.echo(f"trial {number} is {name}")


def cluster_job(function: F) -> F:
    """Adds the options that make a command's argument ``job`` the name of a cluster's, in ``cluster``."""

    @click.option("--namespace", help="JOB is the name of a job in this namespace of a cluster.")
    @click.option(
        "--context",
        help=f"JOB is the name of a job in this context's cluster, in {_DEFAULT_NAMESPACE} or --namespace.",
    )
    @wraps(function)
    def command(job: str, namespace: str | None, context: str | None, **values: Any) -> object:  # noqa: ANN401
        cluster = ClusterJob(job, namespace or _DEFAULT_NAMESPACE, context) if namespace or context else None
        return function(job=job, cluster=cluster, **values)

    return command  # type: ignore[return-value]


@click.command(cls=UserArgsCommand)
@job_request(
    package_path="Directory of the trainer's package; put into --job-dir.",
    packages="Addresses of Python packages for the trainer, comma-separated.",
    job_dir="Where the job writes: gs://, s3://, minio://, or a path on --volume-claim.",
)
@click.option("--stream-logs", is_flag=True, help="Show what the trainers print.")
@click.option("--async", "asynchronous", is_flag=True, help="Do not wait for the job to end.")
@click.option("--delete-on-cancel", is_flag=True, help="Cancel the job when this command is interrupted.")
@_CONTEXT
@katib_options
@accept_gcloud_flags("async", "labels", "service-account")
def submit(
    request: Request,
    stream_logs: bool,
    asynchronous: bool,
    delete_on_cancel: bool,
    context: str | None,
    options: KatibOptions,
    **gcloud_flags: Any,  # noqa: ANN401  (of whatever types these options are)
) -> None:
    """Run the tuning job JOB in a cluster, as a Katib Experiment; the trainer's own arguments come after --.

    Takes the command line of gcloud ai-platform jobs submit training. Waits for the end and shows the trials;
    stopped or killed, the job goes on, and the same command shows it again.

    \b
    Example:
      hptune submit mnist --config trainer/hptune.yaml --package-path trainer \\
          --module-name trainer.task --job-dir gs://bucket/mnist --image REGISTRY/trainer:1 \\
          -- --train-file gs://bucket/data.npz
    """
    from hptune.backends.katib.experiment import build_experiment, differences
    from hptune.backends.katib.packing import with_package

    submission = resolve_for_cluster(request)
    # Before anything is put anywhere.
    build_experiment(submission, options)
    warn((*submission.job.warnings, *differences(submission, options)))
    if without_effect := given_names(gcloud_flags):
        warn([f"without effect in a cluster: {', '.join(without_effect)}"])
    made = ClusterJob(submission.name, options.namespace, context)
    backend = made.submitter(options, delete_on_cancel=delete_on_cancel)
    if request.package_path:
        submission = with_package(submission, request.package_path, options.mount_path)
    if asynchronous:
        backend.submit(submission)
        _print_commands(made)
        return
    display = show_logs(backend.follow_logs) if stream_logs else show_progress(submission.study)
    with display as observe:
        study = backend.run(submission, observe)
    out = console(sys.stdout)
    out.print(trial_table(study))
    click.echo(best_line(study))
    if backend.keeps(submission):
        _put_report(backend.describe(), submission)
    else:
        _print_commands(made)


def _put_report(status: JobStatus, submission: Submission) -> None:
    files = JobDir(Path())
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / files.report
        write_report(status, page)
        storage.put(page, f"{submission.job_dir}/{files.report}")
    for title, file in (("results:", files.results), ("report: ", files.report)):
        click.echo(f"{title} {submission.job_dir}/{file}")
    if submission.pass_job_dir:
        click.echo(f"trials:  {submission.job_dir}/TRIAL, as --job-dir of each")


def _print_commands(job: ClusterJob) -> None:
    for title, command in (("status:", "describe"), ("logs:  ", "stream-logs"), ("stop:  ", "cancel")):
        click.echo(f"{title} hptune {command} {job.words}")


@click.command()
@click.argument("job")
@click.option("--namespace", default=_DEFAULT_NAMESPACE, show_default=True, help="Where the job is.")
@click.option("--record", help="Directory or URI for what is known of the trials.  [default: its --job-dir]")
@_CONTEXT
def cancel(job: str, namespace: str, record: str | None, context: str | None) -> None:
    """Stop the job of a cluster named JOB, and remove it there.

    What is known of its trials is written down first; if it cannot be, nothing is stopped. A job of this
    machine is stopped by Ctrl-C where it runs.

    \b
    Example:
      hptune cancel mnist --namespace kubeflow
    """
    place = ClusterJob(job, namespace, context).backend().cancel(record)
    click.echo(f"{job} is removed from the cluster; its trials: hptune describe {place}")


@click.command("katib-register")
@click.option("--image", help="Has hptune with its extra katib, such as the trials' image.")
@click.option("--remove", is_flag=True, help="Take the algorithm out again.")
@click.option(
    "--config-namespace",
    default=_DEFAULT_NAMESPACE,
    show_default=True,
    help="Where Katib's own configuration is.",
)
@click.option("--pull-policy", default="IfNotPresent", show_default=True, help="When to pull the image.")
@_CONTEXT
def katib_register(
    image: str | None, remove: bool, config_namespace: str, pull_policy: str, context: str | None
) -> None:
    """Make the algorithm gp-bandit known to a cluster's Katib, for everybody who uses it.

    What else there is in Katib's configuration, and what others write to it meanwhile, stays as it is.

    \b
    Examples:
      hptune katib-register --image REGISTRY/trainer:1
      hptune katib-register --remove
    """
    from hptune.backends.katib.connection import connect
    from hptune.backends.katib.register import PLACE, SuggestionImage, register, unregister

    if bool(image) == remove:
        raise click.UsageError("give either --image or --remove")
    entry = SuggestionImage(image, pull_policy) if image else None

    def edit(data: dict[str, str]) -> dict[str, str]:
        text = data.get(PLACE, "")
        return {**data, PLACE: register(text, entry) if entry else unregister(text)}

    changed = connect(config_namespace, context).edit_config_map(_KATIBS_OWN, edit)
    done = "registered" if entry else "removed"
    click.echo(f"gp-bandit: {done if changed else f'was {done} already'}")


def kept_status(job_dir: str) -> JobStatus:
    """The job that a cluster's left in its directory, in a bucket or on a volume.

    Raises:
        UsageError: There is none.
        StorageError: It cannot be read.
        DataError: It is damaged.
    """
    file = JobDir(Path()).study
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        storage.fetch(f"{job_dir.rstrip('/')}/{file.as_posix()}", copy)
        return load_status(copy)


def _warn(message: str) -> None:
    warn([message])
