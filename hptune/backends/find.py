"""Finds a job: on this machine, in a cluster, or finished in a job directory.

Imports only the backend that is asked for: Optuna and kubernetes take half a second each.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hptune.backends.base import Job
from hptune.backends.finished_job import FinishedJob
from hptune.backends.katib.options import KatibOptions
from hptune.console.program import warn_of
from hptune.results.study import JobStatus
from hptune.storage.job_dir import JobDir
from hptune.storage.remote import is_remote
from hptune.storage.transfer import local_path

if TYPE_CHECKING:
    from hptune.backends.katib.backend import KatibBackend
    from hptune.backends.local.backend import LocalBackend

DEFAULT_NAMESPACE = KatibOptions().namespace


def find(job: str, namespace: str | None = None, context: str | None = None) -> Job:
    """Finds the job that a command line names; whether there is one shows when it is asked.

    Args:
        job: A directory or URI; with a namespace or a context, the name of a cluster's job.
        namespace: The cluster's namespace; None for the default one where there is a context.
        context: The kubeconfig's context; None for the current one.
    """
    if namespace or context:
        return find_in_cluster(job, namespace or DEFAULT_NAMESPACE, context)
    if is_remote(job) or _is_kept(JobDir(local_path(job))):
        return FinishedJob(job)
    return find_here(Path(job))


def find_here(root: Path) -> LocalBackend:
    """Finds the job of this machine in a directory, whether it has run or not."""
    from hptune.backends.local.backend import LocalBackend

    return LocalBackend(root, warn=warn_of)


def find_in_cluster(job: str, namespace: str, context: str | None) -> KatibBackend:
    """Finds the cluster's job of a name; the cluster is not asked yet."""
    from hptune.backends.katib.backend import KatibBackend
    from hptune.backends.katib.cluster.connection import connect

    words = words_of(job, namespace, context)
    return KatibBackend(partial(connect, namespace, context), job, warn=warn_of, words=words)


def list_cluster(namespace: str | None, context: str | None) -> Iterator[tuple[str, Callable[[], JobStatus]]]:
    """Yields the name of each job of a cluster's namespace, with what tells where the job stands.

    Args:
        namespace: The namespace; None for the default one.
        context: The kubeconfig's context; None for the current one.

    Raises:
        UsageError: There is no cluster to talk to.
        ClusterError: The cluster cannot be asked.
    """
    from hptune.backends.katib.cluster.connection import connect
    from hptune.backends.katib.listing import list_jobs

    return list_jobs(connect(namespace or DEFAULT_NAMESPACE, context))


def submitter(
    job: str,
    options: KatibOptions,
    context: str | None,
    *,
    stage: Callable[[], object],
    delete_on_cancel: bool,
) -> KatibBackend:
    """Makes the backend that submits a cluster's job and watches it; see `KatibBackend`."""
    from hptune.backends.katib.backend import KatibBackend
    from hptune.backends.katib.cluster.connection import connect
    from hptune.backends.katib.watcher.guard import Guard
    from hptune.retry import WATCHED_CLUSTER

    return KatibBackend(
        partial(connect, options.namespace, context, patience=WATCHED_CLUSTER),
        job,
        options,
        warn=warn_of,
        stage=stage,
        words=words_of(job, options.namespace, context),
        delete_on_cancel=delete_on_cancel,
        # A context may be of another cluster than this pod's.
        guard=Guard.of_this_pod(connect) if delete_on_cancel and context is None else None,
    )


def words_of(job: str, namespace: str, context: str | None) -> str:
    """Returns the words that name a cluster's job on the command line."""
    return f"{job} --namespace {namespace}{f' --context {shlex.quote(context)}' if context else ''}"


def _is_kept(directory: JobDir) -> bool:
    return directory.study.is_file() and not directory.job.is_file()
