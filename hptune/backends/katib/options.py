"""What a cluster must be told that a job file does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hptune import __version__
from hptune.backends.katib.experiment import names
from hptune.errors import Fault
from hptune.job.tuning_job import TuningJob

DEFAULT_IMAGE = f"hptune/trainer:{__version__}"
"""What ``images/Dockerfile`` builds as ``trainer``; a deployment gives it its own address."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_MOUNT_PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+")


class KatibAlgorithm(StrEnum):
    """What suggests the trials of a job whose algorithm is left to the service."""

    BAYESIAN = "bayesianoptimization"
    """Katib's own, scikit-optimize."""
    BANDIT = names.BANDIT
    """hptune's suggestion service, which must be registered with the cluster."""


@dataclass(frozen=True)
class KatibOptions:
    """Where and how the trials of a job run; the defaults suit a cluster of ``manifests/``.

    Attributes:
        namespace: Of the Experiment; it must have Katib's label for the injection of metrics collectors.
        image: Has hptune and the trainer; None for ``DEFAULT_IMAGE``.
        image_pull_secret: Name of the secret for a private registry; None where the nodes need none.
        algorithm: What suggests the trials, where the job file's algorithm leaves it open.
        service_account: The pods' service account; None for the namespace's default.
        secret: Name of a secret whose entries become environment variables of the trainer, such as
            AWS_ACCESS_KEY_ID; None for none.
        volume_claim: Name of a persistent volume claim that all trials mount, ReadWriteMany where trials run
            at once; None for none.
        mount_path: Where the claim is mounted.
        gpus: GPUs of a trial; None for those of the job file's machine.
        accelerator: Value of the node label cloud.google.com/gke-accelerator, such as nvidia-l4; None for
            the job file's accelerator, empty for whatever GPU there is.
        cpu: Virtual CPUs that a trial asks for; None for what a node of the job file's machine has to give.
        memory_bytes: Memory that a trial asks for; None for what a node of that machine has to give.
        shared_memory_bytes: Size of /dev/shm; None for half of the memory, as on a machine of its own.
        node_selector: More labels that the node must have.
        labels: More labels of the Experiment and of its pods.
        priority_class: The pods' priority class; None for the cluster's default.
    """

    namespace: str = "kubeflow"
    image: str | None = None
    image_pull_secret: str | None = None
    algorithm: KatibAlgorithm = KatibAlgorithm.BAYESIAN
    service_account: str | None = None
    secret: str | None = None
    volume_claim: str | None = None
    mount_path: str = "/mnt/hptune"
    gpus: int | None = None
    accelerator: str | None = None
    cpu: float | None = None
    memory_bytes: int | None = None
    shared_memory_bytes: int | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    priority_class: str | None = None

    def gpu_count(self, job: TuningJob) -> int:
        """GPUs of a trial of ``job``."""
        return job.machine.gpu_count if self.gpus is None else self.gpus

    def gke_accelerator(self, job: TuningJob) -> str | None:
        """Value of GKE's node label for the GPUs of ``job``'s trials; None where any node will do."""
        if not self.gpu_count(job):
            return None
        return job.machine.gke_accelerator if self.accelerator is None else self.accelerator or None

    def faults(self) -> list[Fault]:
        """What of the options Kubernetes would refuse, each looked at by itself."""
        return [*self._name_faults(), *self._number_faults(), *self._label_faults()]

    def _name_faults(self) -> Iterator[Fault]:
        allowed = "letters a-z, digits and '-', 63 at most"
        subdomain = "letters a-z, digits, '-' and '.'"
        yield from _mismatch("--namespace", self.namespace, _LABEL, allowed)
        for option, value in (
            ("--image-pull-secret", self.image_pull_secret),
            ("--service-account", self.service_account),
            ("--secret", self.secret),
            ("--volume-claim", self.volume_claim),
            ("--priority-class", self.priority_class),
        ):
            yield from _mismatch(option, value, _SUBDOMAIN, subdomain)
        yield from _mismatch("--image", self.image, _IMAGE, "an image, such as hptune/trainer:0.1.0")
        yield from _mismatch("--mount-path", self.mount_path, _MOUNT_PATH, "an absolute path")
        yield from _mismatch("--accelerator", self.accelerator, _LABEL_VALUE, "a label's value")

    def _number_faults(self) -> Iterator[Fault]:
        for option, value, least in (
            ("--gpus", self.gpus, 0),
            ("--cpu", self.cpu, 0.001),
            ("--memory", self.memory_bytes, 2**20),
            ("--shared-memory", self.shared_memory_bytes, 2**20),
        ):
            if value is not None and not value >= least:
                yield Fault(option, f"is {value}; must be at least {least}")

    def _label_faults(self) -> Iterator[Fault]:
        for option, labels in (("--label", self.labels), ("--node-selector", self.node_selector)):
            for key, value in labels.items():
                yield from _mismatch(option, key, _LABEL_KEY, "a label's name")
                yield from _mismatch(option, value, _LABEL_VALUE, "a label's value")


def _mismatch(place: str, value: str | None, pattern: re.Pattern[str], allowed: str) -> Iterator[Fault]:
    if value is not None and not pattern.fullmatch(value):
        yield Fault(place, f"{value!r} is not allowed (must be {allowed})")
