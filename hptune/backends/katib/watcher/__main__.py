"""``python -m hptune.backends.katib.watcher``: cancels a job when the pod that watches it has ended."""

from __future__ import annotations

from functools import partial

import click

from hptune.backends.katib.backend import KatibBackend
from hptune.backends.katib.cluster.connection import connect
from hptune.backends.katib.watcher.watch import PodWatch
from hptune.console.program import run_command, say, warn_of
from hptune.retry import WATCHED_CLUSTER


@click.command()
@click.argument("job")
@click.option("--namespace", required=True, help="Where the job is.")
@click.option("--watcher", required=True, help="This watcher's name, as the job's Experiment has it.")
@click.option("--pod", required=True, help="The pod that watches the job, in this process's namespace.")
@click.option("--uid", required=True, help="The pod's UID.")
@click.option("--poll", default=5.0, show_default=True, help="Looks again after this many seconds.")
@click.option("--patience", default=1.0, show_default=True, help="Multiplies how long it waits for others.")
def main(job: str, namespace: str, watcher: str, pod: str, uid: str, poll: float, patience: float) -> None:
    """Cancel the job JOB when the pod that watches it has ended before it."""
    cluster = connect(namespace, patience=WATCHED_CLUSTER)
    backend = KatibBackend(lambda: cluster, job, warn=warn_of)
    pods = connect(patience=WATCHED_CLUSTER)
    watch = PodWatch(backend, cluster, partial(pods.pod, pod), uid, watcher, poll_s=poll, patience=patience)
    say(watch.run())


if __name__ == "__main__":
    run_command(main, "python -m hptune.backends.katib.watcher")
