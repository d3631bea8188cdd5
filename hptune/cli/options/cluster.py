"""Options that name a cluster, and a job in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from hptune.backends.find import DEFAULT_NAMESPACE, find
from hptune.cli.options.grouped import GroupedOption

F = TypeVar("F", bound=Callable[..., object])

CONTEXT = click.option(
    "--context",
    cls=GroupedOption,
    group="Cluster",
    help="Asks the cluster of this context of the kubeconfig.  [default: the pod's own cluster, else the "
    "current context's]",
)


def found_job(function: F) -> F:
    """Gives a command the job that its argument ``job`` names, and the options that make it a cluster's."""

    @click.argument("job")
    @click.option("--namespace", help="Takes JOB for the name of a job in this namespace of a cluster.")
    @click.option(
        "--context",
        help="Takes JOB for the name of a job in the cluster of this context of the kubeconfig, in "
        f"--namespace or {DEFAULT_NAMESPACE}.",
    )
    @wraps(function)
    def command(job: str, namespace: str | None, context: str | None, **values: Any) -> object:  # noqa: ANN401
        return function(job=find(job, namespace, context), **values)

    return command  # type: ignore[return-value]
