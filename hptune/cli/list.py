"""Implements ``hptune list``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from hptune.backends.find import find
from hptune.console.program import PATH, console
from hptune.errors import Fault, InputError, UsageError
from hptune.results.printable import printable
from hptune.results.study import JobStatus
from hptune.storage.job_dir import JobDir

# Jobs stand side by side in a directory, which as a rule stands below the current one.
_DEPTH = 2


@click.command("list")
@click.argument("directory", metavar="[DIR]", type=PATH, default=".")
def list_(directory: Path) -> None:
    """Lists the jobs in DIR, the current directory by default, and in the directories below it.

    Jobs in a cluster: kubectl get experiments --namespace NAMESPACE

    \b
    Examples:
      hptune list
      hptune list hptune-jobs
    """
    if not directory.is_dir():
        raise UsageError(Fault(str(directory), "is not a directory; DIR must be one that holds jobs"))
    table = Table("job", "state", "trials", "best", "created", box=None, pad_edge=False)
    for path in _job_dirs(directory, _DEPTH):
        try:
            table.add_row(*map(Text, _cells(path, find(str(path)).describe())))
        except InputError as error:
            reason = Text(printable(str(error).splitlines()[0]), style="red")
            table.add_row(Text(printable(str(path))), reason)
    if not table.row_count:
        click.echo(f"hptune: no jobs in {directory} or up to {_DEPTH} directories below it", err=True)
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


def _cells(path: Path, status: JobStatus) -> list[str]:
    study = status.study
    best = study.best
    return [
        printable(str(path)),
        status.state.value,
        f"{len(study.finished)}/{study.max_trials}",
        printable(f"{study.metric} {best.final.value:.6g}") if best and best.final else "-",
        status.create_time.astimezone().strftime("%Y-%m-%d %H:%M"),
    ]
