"""Runs and looks at jobs from Python, as the command line does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from hptune.backends.find import find
from hptune.backends.katib.options import KatibOptions
from hptune.console.progress import show_progress
from hptune.job import tuning_job
from hptune.job.request import Request
from hptune.job.runtime import RuntimeKind
from hptune.job.submission import Final
from hptune.job.tuning_job import TuningJob
from hptune.results.study import JobStatus, Study
from hptune.steps.report import report
from hptune.storage.job_dir import JobDir

StrPath = str | os.PathLike[str]

# How a field becomes a request's.
_READ: dict[str, Callable[[Any], object]] = {
    "final": Final,
    "job_dir": os.fspath,
    "package_path": Path,
    "packages": tuple,
    "runtime": RuntimeKind,
    "switches": tuple,
}


class JobFields(TypedDict, total=False):
    """What there is to say of a job besides its file: the options of ``hptune run`` by the same names.

    Attributes:
        name: The job's name; that of its directory where left out.
        module_name: The trainer's module, such as ``trainer.task``.
        command: The trainer as a command line, in place of a module.
        package_path: Directory of the trainer's package.
        packages: Archives of Python packages to install for the trainer.
        job_dir: Where the job writes.
        args: The trainer's own arguments.
        seed: Seed of the suggestions.
        runtime: What the trainer runs in: ``python``, ``tf1`` or ``keras2``.
        python: Path of the interpreter that the trainer runs in.
        switches: Parameters that the trainer takes as flags without a value.
        final: ``last`` or ``best``: which of its reports judges a trial.
    """

    name: str
    module_name: str
    command: str
    package_path: StrPath
    packages: Sequence[str]
    job_dir: StrPath
    args: Sequence[str]
    seed: int
    runtime: str
    python: str
    switches: Sequence[str]
    final: str


def load_job(path: StrPath) -> TuningJob:
    """Reads a job file, YAML or JSON.

    Args:
        path: The file, such as ``trainer/hptune.yaml``.

    Raises:
        JobFileError: It cannot be read or is not a tuning job; carries every fault.
    """
    return tuning_job.load_job(Path(path))


def run(job: TuningJob | StrPath, *, install: bool = True, **fields: Unpack[JobFields]) -> Study:
    """Runs a tuning job on this machine, or takes up one that was cut off; shows how far it is.

    Args:
        job: The job, or its file.
        install: Whether something may be installed for the trainer.
        fields: See `JobFields`.

    Returns:
        The job's trials; the report and ``results.json`` are in the job's directory.

    Raises:
        InputError: Something of it cannot be used; carries every fault.
        JobFailed: Too many trials failed, or none has an objective. Ctrl-C raises its subclass Interrupted;
            the same call takes the job up.
    """
    from hptune.api.prepare import prepare_here

    submission, backend = prepare_here(_request(job, fields), may_install=install)
    with show_progress(submission.study) as observe:
        status = backend.run(submission, observe)
    report(status, JobDir(Path(submission.job_dir)).report, submission)
    return status.study


def submit(
    job: TuningJob | StrPath,
    *,
    options: KatibOptions | None = None,
    context: str | None = None,
    wait: bool = False,
    **fields: Unpack[JobFields],
) -> JobStatus:
    """Starts a tuning job in a cluster, as a Katib Experiment, unless it was started before.

    Args:
        job: The job, or its file.
        options: The namespace, the image and what else the cluster is told.
        context: The kubeconfig's context; None for the current one.
        wait: Whether to wait for the job's end and show how far it is.
        fields: See `JobFields`; ``job_dir`` is a URI.

    Returns:
        Where the job stands.

    Raises:
        InputError: Something of it cannot be used; carries every fault.
        ClusterError: The cluster does not do what is asked.
        JobFailed: The job failed, where it was waited for.
    """
    from hptune.api.prepare import prepare_for_cluster

    request = _request(job, fields)
    submission, backend = prepare_for_cluster(request, options or KatibOptions(), context)
    if not wait:
        backend.submit(submission)
        return backend.describe()
    with show_progress(submission.study) as observe:
        return backend.run(submission, observe)


def describe(job: StrPath, *, namespace: str | None = None, context: str | None = None) -> JobStatus:
    """Tells where a job stands, while it runs or later.

    Args:
        job: The job's directory or URI; with a namespace or a context, the name of a job in a cluster.
        namespace: The cluster's namespace.
        context: The kubeconfig's context.

    Raises:
        InputError: There is no such job, or what is kept of it is damaged.
    """
    return find(os.fspath(job), namespace, context).describe()


def _request(job: TuningJob | StrPath, fields: JobFields) -> Request:
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    for name, read in _READ.items():
        if name in given:
            given[name] = read(given[name])
    user_args = tuple(map(str, given.pop("args", ())))
    return Request(config=job if isinstance(job, TuningJob) else Path(job), user_args=user_args, **given)
