"""Where the tasks of one trial run: as processes of this machine or of a pod, or as containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hptune.trial.container import own_container
from hptune.trial.pod.carried import image_workspace
from hptune.trial.spec import TrialSpec
from hptune.trial.tasks import here, of_pods, own_gpus, unmeasured_hosts
from hptune.trial.workspace import Workspace, own_workspace


@dataclass(frozen=True)
class Workspaces:
    """How the tasks of a trial are started.

    Attributes:
        own: The task that the trial is seen from: its master on this machine.
        beside: The others, each with the trial as it has it; none in a pod, which each has to itself.
        unmeasured_hosts: Names of the pods whose tasks are not measured.
    """

    own: Workspace
    beside: tuple[tuple[TrialSpec, Workspace], ...] = ()
    unmeasured_hosts: tuple[str, ...] = ()


@contextmanager
def own_workspaces(spec: TrialSpec, base: Mapping[str, str]) -> Iterator[Workspaces]:
    """Makes the workspaces of a trial's tasks. See `own_workspace` and `own_container`."""
    with ExitStack() as stack:
        if spec.pod:
            # It has a TFJob of its name.
            name = f"{spec.pod.trial_prefix}{spec.trial_id}"
            told = of_pods(name, spec.tasks, spec.training_input) if spec.tasks else None
            if spec.program.image:
                own = image_workspace(spec, base, told)
            else:
                own = stack.enter_context(own_workspace(spec, base, told))
            yield Workspaces(own, unmeasured_hosts=unmeasured_hosts(told or {}))
            return
        addresses = here(spec.tasks, spec.training_input)

        def made(each: TrialSpec) -> Workspace:
            gpus = own_gpus(base, each.task, spec.tasks)
            own = own_container if each.program.image else own_workspace
            return stack.enter_context(own(each, {**base, **gpus}, addresses))

        yield Workspaces(made(spec), tuple((each, made(each)) for each in spec.beside_master()))
