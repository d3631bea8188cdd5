"""The command line: parses, calls, prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from hptune import __version__
from hptune.backends.base import JobStatus, Submission
from hptune.backends.local.backend import LocalBackend
from hptune.cli_cluster import ClusterJob, cancel, cluster_job, katib_register, kept_status, submit
from hptune.cli_katib import katib
from hptune.cli_main import run_command
from hptune.cli_options import PATH, SEED, UserArgsCommand, accept_gcloud_flags, given_names, user_args, warn
from hptune.cli_request import job_request
from hptune.display import (
    console,
    parameter_text,
    print_log,
    show_logs,
    show_progress,
    show_transfer,
)
from hptune.job import load_job
from hptune.jobdir import JobDir
from hptune.results import assignments, best_line, job_output, summary_table, to_json, to_yaml, trial_table
from hptune.steps.download import download as download_data
from hptune.steps.preprocess import preprocess as preprocess_data
from hptune.steps.report import report as write_report
from hptune.steps.train import train as train_best
from hptune.storage import is_remote
from hptune.study import Study
from hptune.submit import JOBS, Request, resolve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def cli() -> None:
    """Runs Cloud ML Engine hyperparameter tuning jobs where they can still run.

    \b
    Examples:
      hptune validate trainer/hptune.yaml
      hptune run mnist --config trainer/hptune.yaml --package-path trainer \\
          --module-name trainer.task --job-dir out/mnist -- --train-file data.npz
      hptune describe out/mnist
      hptune submit mnist --config trainer/hptune.yaml --image IMAGE --job-dir gs://bucket/mnist
    """


@cli.command(cls=UserArgsCommand)
@job_request(
    package_path="Directory of the trainer's package.",
    packages="Archives of Python packages for the trainer, comma-separated.",
    job_dir=f"Where the job writes; trainers get it too.  [default: {JOBS}/JOB]",
)
@click.option("--stream-logs", is_flag=True, help="Show what the trainers print.")
@accept_gcloud_flags()
def run(
    request: Request,
    stream_logs: bool,
    **gcloud_flags: Any,  # noqa: ANN401  (of whatever types these options are)
) -> None:
    """Run the tuning job JOB on this machine; the trainer's own arguments come after --.

    Takes the command line of gcloud ai-platform jobs submit training, with paths in place of buckets. The
    same command takes up a job that was cut off: finished trials are kept and not run again.

    \b
    Example:
      hptune run mnist --config trainer/hptune.yaml --package-path trainer \\
          --module-name trainer.task --job-dir out/mnist -- --train-file data.npz
    """
    submission = resolve(request)
    warn(submission.job.warnings)
    if without_effect := given_names(gcloud_flags):
        warn([f"without effect on this machine: {', '.join(without_effect)}"])
    backend = LocalBackend(Path(submission.job_dir))
    display = show_logs(backend.follow_logs) if stream_logs else show_progress(submission.study)
    with display as observe:
        study = backend.run(submission, observe)
    write_report(backend.describe(), JobDir(Path(submission.job_dir)).report)
    _print_results(study, submission)


def _print_results(study: Study, submission: Submission) -> None:
    out = console(sys.stdout)
    out.print(trial_table(study))
    click.echo(best_line(study))
    job_dir = JobDir(Path(submission.job_dir))
    click.echo(f"results: {job_dir.results}\nreport:  {job_dir.report}")
    click.echo(f"logs:    {job_dir.trials}/TRIAL/{job_dir.trial(1).log.name}")
    if submission.pass_job_dir:
        click.echo(f"trials:  {job_dir.root}/TRIAL, as --job-dir of each")


@cli.command()
@click.argument("job")
@cluster_job
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True
)
@click.option(
    "--summarize",
    is_flag=True,
    help="Only a table of trial, objective and step, whatever the format, as gcloud's flag did.",
)
def describe(job: str, cluster: ClusterJob | None, form: str, summarize: bool) -> None:
    """Show JOB, while it runs or later: its state and its trials, best first.

    JOB is the job's directory or URI; with --namespace or --context, the name of a job in a cluster.

    \b
    Examples:
      hptune describe out/mnist
      hptune describe out/mnist --format json
      hptune describe mnist --namespace kubeflow
    """
    status = cluster.describe() if cluster else _status(job)
    if summarize:
        console(sys.stdout).print(summary_table(status.study))
    elif form == "json":
        click.echo(to_json(job_output(status)))
    elif form == "yaml":
        click.echo(to_yaml(job_output(status)), nl=False)
    else:
        console(sys.stdout).print(trial_table(status.study))
        click.echo(f"{status.state}{': ' if status.message else ''}{status.message}")
        if cluster:
            cluster.print_names()


@cli.command("stream-logs")
@click.argument("job")
@cluster_job
def stream_logs(job: str, cluster: ClusterJob | None) -> None:
    """Print what the trainers of JOB print, until it ends.

    JOB is the job's directory; with --namespace or --context, the name of a job in a cluster. Columns as
    gcloud's, tab-separated: severity, time, task, trial, message. The time is that of the log's last write
    when the line was read; in a cluster it is the line's own.

    \b
    Examples:
      hptune stream-logs out/mnist
      hptune stream-logs mnist --namespace kubeflow
    """
    backend = cluster.backend() if cluster else LocalBackend(Path(job))
    for line in backend.stream_logs():
        print_log(line)


@cli.command()
@click.argument("file", type=PATH)
def validate(file: Path) -> None:
    """Check the job file FILE and say what it asks for.

    \b
    Example:
      hptune validate trainer/hptune.yaml
    """
    job = load_job(file)
    warn(job.warnings)
    trials = f"{job.max_trials} trial{'s' if job.max_trials > 1 else ''}"
    click.echo(f"{file}: {job.goal.lower()} {job.metric} in {trials} over")
    for parameter in job.space:
        click.echo(f"  {parameter_text(parameter)}")


@cli.command()
@click.argument("source", default="digits")
@click.option("--output", type=PATH, required=True, help="The .npz to write.")
@click.option("--sha256", help="The checksum that the arrays' content must have.")
def download(source: str, output: Path, sha256: str | None) -> None:
    """Get the data set SOURCE and write it as one checked .npz.

    SOURCE is digits (comes with scikit-learn, no network), mnist (public mirrors), or a path or URI (https,
    gs, s3, file) of an .npz, an mnist.pkl[.gz] or idx files.

    \b
    Examples:
      hptune download digits --output data.npz
      hptune download https://example.org/some.npz --output data.npz
    """
    with show_transfer() as progress:
        digest = download_data(source, output, sha256=sha256, progress=progress)
    click.echo(f"{output}: {source}, sha256 of its content {digest}")


@cli.command()
@click.argument("source", type=PATH)
@click.option("--tune-file", type=PATH, required=True, help="The .npz to write for the trials.")
@click.option("--final-file", type=PATH, required=True, help="The .npz to write for the final training.")
@click.option(
    "--validation-fraction",
    type=float,
    default=1 / 6,
    help="Share of the training part that "
    "trials are measured on; 0 measures them on the test part.  [default: 1/6]",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the split.")
def preprocess(
    source: Path, tune_file: Path, final_file: Path, validation_fraction: float, seed: int
) -> None:
    """Split the data set SOURCE for tuning (train, validation) and for the final training (train, test).

    \b
    Example:
      hptune preprocess data.npz --tune-file tune.npz --final-file final.npz
    """
    summary = preprocess_data(
        source, tune_file=tune_file, final_file=final_file, validation_fraction=validation_fraction, seed=seed
    )
    validation = summary.validation_rows or f"the {summary.test_rows} of the test part"
    click.echo(f"{tune_file}: {summary.train_rows} rows to train on, {validation} to measure on")
    rows = summary.train_rows + summary.validation_rows
    click.echo(f"{final_file}: {rows} rows to train on, {summary.test_rows} to test on")


@cli.command(cls=UserArgsCommand)
@click.argument("job_dir", type=PATH)
def train(job_dir: Path) -> None:
    """Train once more with the best parameters of the job in JOB_DIR.

    The trainer's arguments are the job's own, or those after --, with the data for this training.

    \b
    Example:
      hptune train out/mnist -- --train-file final.npz
    """
    final = train_best(job_dir, user_args())
    measured = f"{final.metric} {final.measurement.value:.6g}"
    click.echo(f"trained with trial {final.best.id}'s {assignments(final.best)}: {measured}")
    click.echo(f"model: {final.output}\nlog:   {final.log}")


@cli.command()
@click.argument("job")
@cluster_job
@click.option("--output", type=PATH, default="report.html", show_default=True, help="The page to write.")
def report(job: str, cluster: ClusterJob | None, output: Path) -> None:
    """Write one HTML page about JOB: its trials, what was found, and plots.

    JOB is the job's directory or URI; with --namespace or --context, the name of a job in a cluster.

    \b
    Examples:
      hptune report out/mnist --output report.html
      hptune report mnist --namespace kubeflow
    """
    write_report(cluster.describe() if cluster else _status(job), output)
    click.echo(output)


def _status(place: str) -> JobStatus:
    """The job in a directory of this machine, or that a cluster's left in a bucket or on a volume."""
    if is_remote(place) or (JobDir(Path(place)).study.is_file() and not JobDir(Path(place)).job.is_file()):
        return kept_status(place)
    return LocalBackend(Path(place)).describe()


for command in (katib, submit, cancel, katib_register):
    cli.add_command(command)


def main() -> None:
    """Entry point: ends with 0, 1 for a job that failed, 2 for bad input, 130 when stopped."""
    run_command(cli, "hptune")
