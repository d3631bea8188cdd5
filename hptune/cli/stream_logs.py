"""Implements ``hptune stream-logs``."""

from __future__ import annotations

import click

from hptune.backends.base import Job
from hptune.cli.options.cluster import found_job
from hptune.console.progress import print_log


@click.command("stream-logs")
@found_job
def stream_logs(job: Job) -> None:
    """Prints what the trainers of JOB print, until it ends.

    JOB is the job's directory; with --namespace or --context, the name of a job in a cluster. Columns as
    gcloud's, tab-separated: severity, time, task, trial, message. The time is that of the log's last write
    when the line was read; in a cluster it is the line's own.

    \b
    Examples:
      hptune stream-logs out/job
      hptune stream-logs job --namespace kubeflow
    """
    for line in job.stream_logs():
        print_log(line)
