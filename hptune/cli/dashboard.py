"""Implements ``hptune dashboard``."""

from __future__ import annotations

import signal
import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import click

from hptune.backends.base import Job
from hptune.cli.options.cluster import found_job
from hptune.errors import Fault, UsageError
from hptune.job.tuning_job import parse_training_input
from hptune.results.study import JobState

_INTERVAL_S = 5.0


@click.command()
@found_job
@click.option("--host", default="localhost", show_default=True, help="Listens at this address.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Listens at this port; 0 takes a free one.",
)
def dashboard(job: Job, host: str, port: int) -> None:
    """Shows JOB in optuna-dashboard, until Ctrl-C; trials of a job that runs appear as they end.

    The dashboard gets a copy of the study: what is noted or deleted there changes nothing of the job. Whoever
    reaches the address can see it.

    \b
    Example:
      hptune dashboard out/job --port 8080
    """
    from optuna_dashboard import wsgi

    from hptune.results.optuna_copy import OptunaCopy

    status = job.describe()
    space = parse_training_input(status.training_input, status.study.name).space
    copy = OptunaCopy(status.study, space)

    class Server(WSGIServer):
        """Takes over between requests what has become of the job."""

        running = status.state is JobState.RUNNING
        updated_s = time.monotonic()

        def service_actions(self) -> None:
            if self.running and time.monotonic() - self.updated_s >= _INTERVAL_S:
                now = job.describe()
                copy.update(now.study)
                self.running, self.updated_s = now.state is JobState.RUNNING, time.monotonic()

    try:
        server = make_server(host, port, wsgi(copy.storage), Server, _Quiet)
    except OSError as error:
        problem = f"cannot be listened at: {error.strerror}"
        raise UsageError(Fault(f"--host {host} --port {port}", problem)) from error
    with server:
        address = f"http://{host}:{server.server_port}/dashboard/studies/0"
        click.echo(f"{address} shows {status.study.name}; Ctrl-C ends it")
        _serve(server)


def _serve(server: WSGIServer) -> None:
    """Serves until SIGINT or SIGTERM; an exception would be lost where a request is being answered."""

    def end(*_: object) -> None:
        # It waits for the loop, which this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server.serve_forever()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Logs nothing of requests."""
