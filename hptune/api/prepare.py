"""From a request to a job that is ready to run, for the command line and for Python programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hptune.backends.find import find_here, submitter
from hptune.backends.katib.options import KatibOptions
from hptune.backends.local.cluster_size import Capacity, fitted, shrunk
from hptune.backends.local.fields_without_effect import fields_without_effect
from hptune.console.program import warn
from hptune.job.request import Place, Request, resolve
from hptune.job.submission import Submission
from hptune.runtimes.settle import settle, settle_for_cluster
from hptune.trial.pod.upload_package import pack

if TYPE_CHECKING:
    from hptune.backends.katib.backend import KatibBackend
    from hptune.backends.local.backend import LocalBackend


def prepare_here(
    request: Request,
    *,
    cluster_size: str | None = None,
    may_install: bool = True,
    cold: bool = False,
    slots: int | None = None,
    without_effect: Sequence[str] = (),
    command_line: str = "",
) -> tuple[Submission, LocalBackend]:
    """Makes a request ready to run on this machine; warnings go to standard error.

    Args:
        request: The job.
        cluster_size: How many tasks of a trial start at most, its master among them; ``max`` for as many as
            the machine bears.
        may_install: Whether something may be installed for the trainer.
        cold: Whether each trial gets a new interpreter, though one could be forked.
        slots: How many trials run at once where maxParallelTrials allows it; None for as many as the machine
            has cores.
        without_effect: Flags to name that mean nothing here.
        command_line: The command that asks for the job; empty where a Python program does.

    Raises:
        InputError: Something of it cannot be used; carries every fault.
        RuntimeNotReady: What the trainer is to run in could not be made.
    """
    asked = replace(resolve(request, Place.HERE), cold=cold, slots=slots, command_line=command_line)
    submission = fitted(asked, cluster_size, Capacity.of_machine())
    warn([*submission.job.warnings, *filter(None, [shrunk(submission)])])
    if idle := (*fields_without_effect(submission, request.overrides), *without_effect):
        warn([f"without effect on this machine: {', '.join(idle)}"])
    backend = find_here(Path(submission.job_dir))
    backend.refuse_foreign()
    return settle(submission, may_install=may_install), backend


def prepare_for_cluster(
    request: Request,
    options: KatibOptions,
    context: str | None = None,
    *,
    delete_on_cancel: bool = False,
    without_effect: Sequence[str] = (),
    command_line: str = "",
) -> tuple[Submission, KatibBackend]:
    """Makes a request ready to run in a cluster; warnings go to standard error.

    Args:
        request: The job.
        options: What the cluster is told besides.
        context: The kubeconfig's context; None for the current one.
        delete_on_cancel: Whether the job ends in the cluster when whoever waits for it is interrupted.
        without_effect: Flags to name that mean nothing there.
        command_line: The command that asks for the job; empty where a Python program does.

    Raises:
        InputError: Something of it cannot be used; carries every fault.
    """
    submission = replace(resolve(request, Place.CLUSTER), command_line=command_line)
    warn(submission.job.warnings)
    if without_effect:
        warn([f"without effect in a cluster: {', '.join(without_effect)}"])
    submission = settle_for_cluster(submission, options.image)
    stage = _nothing
    if request.package_path:
        submission, stage = pack(submission, request.package_path, options.mount_path)
    backend = submitter(submission.name, options, context, stage=stage, delete_on_cancel=delete_on_cancel)
    return submission, backend


def _nothing() -> None:
    """Stages nothing."""
