"""Implements ``hptune list``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from hptune.backends.find import DEFAULT_NAMESPACE, find, list_cluster
from hptune.console.program import PATH, console
from hptune.errors import Fault, HptuneError, UsageError
from hptune.results.printable import printable
from hptune.results.study import JobStatus
from hptune.storage.job_dir import JobDir

# Jobs stand side by side in a directory, which as a rule stands below the current one.
_DEPTH = 2
_Jobs = Iterable[tuple[str, Callable[[], JobStatus]]]
"""Each job's name, and what tells where the job stands."""


@click.command("list")
@click.argument("directory", metavar="[DIR]", type=PATH, required=False)
@click.option("--namespace", help="Lists the jobs in this namespace of a cluster.")
@click.option(
    "--context",
    help="Lists the jobs in the cluster of this context of the kubeconfig, in --namespace or "
    f"{DEFAULT_NAMESPACE}.",
)
def list_(directory: Path | None, namespace: str | None, context: str | None) -> None:
    """Lists the jobs in DIR, the current directory by default, and in the directories below it.

    With --namespace or --context, lists the jobs of a cluster.

    \b
    Examples:
      hptune list
      hptune list hptune-jobs
      hptune list --namespace kubeflow
    """
    if namespace or context:
        if directory is not None:
            raise UsageError(Fault(str(directory), "is a directory's name; jobs of a cluster are in none"))
        _print(list_cluster(namespace, context), f"namespace {namespace or DEFAULT_NAMESPACE}")
        return
    directory = directory or Path()
    if not directory.is_dir():
        raise UsageError(Fault(str(directory), "is not a directory; DIR must be one that holds jobs"))
    jobs = ((str(path), find(str(path)).describe) for path in _job_dirs(directory, _DEPTH))
    _print(jobs, f"{directory} or up to {_DEPTH} directories below it")


def _print(jobs: _Jobs, where: str) -> None:
    table = Table("job", "state", "trials", "best", "created", box=None, pad_edge=False)
    for name, describe in jobs:
        try:
            table.add_row(*map(Text, _cells(name, describe())))
        except HptuneError as error:
            reason = Text(printable(str(error).splitlines()[0]), style="red")
            table.add_row(Text(printable(name)), reason)
    if not table.row_count:
        click.echo(f"hptune: no jobs in {where}", err=True)
        return
    console(sys.stdout).print(table)


def _job_dirs(directory: Path, depth: int) -> Iterator[Path]:
    """Yields jobs' directories; what stands below one is the job's own."""
    job = JobDir(directory)
    if job.job.is_file() or job.study.is_file():
        yield directory
        return
    if depth:
        for path in sorted(directory.iterdir()):
            if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
                yield from _job_dirs(path, depth - 1)


def _cells(name: str, status: JobStatus) -> list[str]:
    study = status.study
    best = study.best
    return [
        printable(name),
        status.state.value,
        f"{len(study.finished)}/{study.max_trials}",
        printable(f"{study.metric} {best.final.value:.6g}") if best and best.final else "-",
        status.create_time.astimezone().strftime("%Y-%m-%d %H:%M"),
    ]
