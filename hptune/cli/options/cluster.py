"""Options that name a job of a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hptune.backends.katib.options import KatibOptions
from hptune.console.program import warn_of
from hptune.results.study import JobStatus

if TYPE_CHECKING:
    from hptune.backends.katib.backend import KatibBackend

F = TypeVar("F", bound=Callable[..., object])

CONTEXT = click.option(
    "--context", help="Of the kubeconfig.  [default: the pod's own cluster, else the current one]"
)


DEFAULT_NAMESPACE = KatibOptions().namespace


@dataclass(frozen=True)
class ClusterJob:
    """A job of a cluster, by its name.

    Attributes:
        name: The job's name.
        namespace: Where its Experiment is.
        context: A context of the kubeconfig; None for the present one.
    """

    name: str
    namespace: str = DEFAULT_NAMESPACE
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
        from hptune.backends.katib.cluster.connection import connect

        return KatibBackend(connect(self.namespace, self.context), self.name, warn=warn_of)

    def submitter(self, options: KatibOptions, *, delete_on_cancel: bool) -> KatibBackend:
        """The backend that makes it and watches it."""
        from hptune.backends.katib.backend import KatibBackend
        from hptune.backends.katib.cluster.connection import JOB_PATIENCE_S, connect

        cluster = connect(self.namespace, self.context, patience_s=JOB_PATIENCE_S)
        return KatibBackend(
            cluster, self.name, options, warn=warn_of, words=self.words, delete_on_cancel=delete_on_cancel
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
        help=f"JOB is the name of a job in this context's cluster, in {DEFAULT_NAMESPACE} or --namespace.",
    )
    @wraps(function)
    def command(job: str, namespace: str | None, context: str | None, **values: Any) -> object:  # noqa: ANN401
        cluster = ClusterJob(job, namespace or DEFAULT_NAMESPACE, context) if namespace or context else None
        return function(job=job, cluster=cluster, **values)

    return command  # type: ignore[return-value]
