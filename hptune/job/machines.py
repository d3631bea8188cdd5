"""ML Engine's scale tiers and machine types, as CPUs, memory and GPUs.

A tier or an old machine type name stands for a Compute Engine machine: ``complex_model_m_gpu`` is
n1-standard-16 with four K80s. Some GPUs that jobs name are gone; the nearest that GKE has takes their place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hptune.errors import Fault, JobFileError

_GIB = 2**30

_MASTER_OF_TIER = {
    "BASIC": "standard",
    "STANDARD_1": "complex_model_s",
    "PREMIUM_1": "complex_model_m",
    "BASIC_GPU": "standard_gpu",
    "BASIC_TPU": "cloud_tpu",
}

_OLD_NAMES = {
    "standard": ("n1-standard-4", 0, None),
    "large_model": ("n1-highmem-8", 0, None),
    "complex_model_s": ("n1-highcpu-8", 0, None),
    "complex_model_m": ("n1-highcpu-16", 0, None),
    "complex_model_l": ("n1-highcpu-32", 0, None),
    "standard_gpu": ("n1-standard-8", 1, "NVIDIA_TESLA_K80"),
    "complex_model_m_gpu": ("n1-standard-16", 4, "NVIDIA_TESLA_K80"),
    "complex_model_l_gpu": ("n1-standard-32", 8, "NVIDIA_TESLA_K80"),
    "standard_p100": ("n1-standard-8", 1, "NVIDIA_TESLA_P100"),
    "complex_model_m_p100": ("n1-standard-16", 4, "NVIDIA_TESLA_P100"),
    "standard_v100": ("n1-standard-8", 1, "NVIDIA_TESLA_V100"),
    "large_model_v100": ("n1-highmem-8", 1, "NVIDIA_TESLA_V100"),
    "complex_model_m_v100": ("n1-standard-16", 4, "NVIDIA_TESLA_V100"),
    "complex_model_l_v100": ("n1-standard-32", 8, "NVIDIA_TESLA_V100"),
    "cloud_tpu": ("n1-standard-4", 0, None),
}

_GIB_PER_CPU = {
    "n1-standard": 3.75,
    "n1-highmem": 6.5,
    "n1-highcpu": 0.9,
    "n2-standard": 4.0,
    "n2-highmem": 8.0,
    "n2-highcpu": 1.0,
    "e2-standard": 4.0,
    "e2-highmem": 8.0,
    "e2-highcpu": 1.0,
    "c2-standard": 4.0,
    "n2d-standard": 4.0,
    "n2d-highmem": 8.0,
    "n2d-highcpu": 1.0,
    "c2d-standard": 4.0,
    "c2d-highmem": 8.0,
    "c2d-highcpu": 2.0,
}
_CPUS = (1, 2, 4, 8, 16, 30, 32, 48, 56, 60, 64, 80, 96, 112, 128, 224)

_G2_GPUS = {4: 1, 8: 1, 12: 1, 16: 1, 24: 2, 32: 1, 48: 4, 96: 8}
# Machine types that have GPUs of their own: GPUs, their type, CPUs, GiB.
_GPU_MACHINES = {
    **{f"a2-highgpu-{n}g": (n, "NVIDIA_TESLA_A100", 12 * n, 85 * n) for n in (1, 2, 4, 8)},
    **{f"a2-ultragpu-{n}g": (n, "NVIDIA_A100_80GB", 12 * n, 170 * n) for n in (1, 2, 4, 8)},
    **{f"a3-highgpu-{n}g": (n, "NVIDIA_H100_80GB", 26 * n, 234 * n) for n in (1, 2, 4, 8)},
    **{f"g2-standard-{cpus}": (n, "NVIDIA_L4", cpus, 4 * cpus) for cpus, n in _G2_GPUS.items()},
}

_GPU_COUNTS = {
    "NVIDIA_TESLA_K80": (1, 2, 4, 8),
    "NVIDIA_TESLA_P4": (1, 2, 4),
    "NVIDIA_TESLA_P100": (1, 2, 4),
    "NVIDIA_TESLA_V100": (1, 2, 4, 8),
    "NVIDIA_TESLA_T4": (1, 2, 4),
    "NVIDIA_TESLA_A100": (1, 2, 4, 8, 16),
    "NVIDIA_A100_80GB": (1, 2, 4, 8),
    "NVIDIA_L4": (1, 2, 4, 8),
    "NVIDIA_H100_80GB": (1, 2, 4, 8),
}
_TPUS = ("TPU_V2", "TPU_V3", "TPU_V2_POD", "TPU_V3_POD", "TPU_V4_POD", "TPU_V5_LITEPOD")

_GKE_LABELS = {
    "NVIDIA_TESLA_P100": "nvidia-tesla-p100",
    "NVIDIA_TESLA_V100": "nvidia-tesla-v100",
    "NVIDIA_TESLA_T4": "nvidia-tesla-t4",
    "NVIDIA_TESLA_A100": "nvidia-tesla-a100",
    "NVIDIA_A100_80GB": "nvidia-a100-80gb",
    "NVIDIA_L4": "nvidia-l4",
    "NVIDIA_H100_80GB": "nvidia-h100-80gb",
}
_GKE_SUBSTITUTES = {"NVIDIA_TESLA_K80": "nvidia-tesla-t4", "NVIDIA_TESLA_P4": "nvidia-tesla-t4"}

_NO_TPU = "TPUs are not supported; the trainer gets CPUs alone"


@dataclass(frozen=True)
class Machine:
    """What one task of a trial runs on.

    Attributes:
        name: The machine type, or the scale tier where that decides.
        gpu_count: How many GPUs.
        accelerator: Their type by ML Engine's name, for example NVIDIA_TESLA_K80; None without GPUs.
        cpu: Virtual CPUs; None where the name does not tell.
        memory_bytes: Main memory; None where the name does not tell.
        warnings: What of the job file is not honoured.
    """

    name: str
    gpu_count: int = 0
    accelerator: str | None = None
    cpu: int | None = None
    memory_bytes: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def gke_accelerator(self) -> str | None:
        """Value of the node label cloud.google.com/gke-accelerator; None without GPUs."""
        if self.accelerator is None:
            return None
        return _GKE_LABELS.get(self.accelerator) or _GKE_SUBSTITUTES[self.accelerator]

    @property
    def substituted(self) -> bool:
        """Whether GKE no longer has ``accelerator``, so that ``gke_accelerator`` is another one."""
        return self.accelerator in _GKE_SUBSTITUTES


def resolve_machine(
    scale_tier: str | None = None,
    master_type: str | None = None,
    accelerator_type: str | None = None,
    accelerator_count: int | None = None,
) -> Machine:
    """Finds the master's machine.

    Args:
        scale_tier: As in the job file; missing, it is CUSTOM with a machine type and BASIC without.
        master_type: For CUSTOM, the machine type; otherwise ignored, with a warning.
        accelerator_type: ``masterConfig.acceleratorConfig.type``.
        accelerator_count: ``masterConfig.acceleratorConfig.count``.

    Raises:
        JobFileError: With the places as field paths from the training input on.
    """
    tier = tier_of(scale_tier, master_type)
    if tier != "CUSTOM" and tier not in _MASTER_OF_TIER:
        known = ", ".join(_MASTER_OF_TIER)
        raise JobFileError(
            [
                Fault("scaleTier", f"is {tier!r}; must be {known} or CUSTOM"),
                *_accelerator_faults("master", accelerator_type, accelerator_count),
            ]
        )
    if tier == "CUSTOM":
        return custom_machine("master", master_type, accelerator_type, accelerator_count)
    faults = [*_accelerator_faults("master", accelerator_type, accelerator_count)]
    if accelerator_type and not faults:
        problem = f"is not allowed with scaleTier {tier}; set scaleTier CUSTOM and an n1 masterType"
        faults = [Fault(_accelerator_place("master"), problem)]
    if faults:
        raise JobFileError(faults)
    return _machine_of_tier(tier, master_type)


def tier_of(scale_tier: str | None, master_type: str | None) -> str:
    """Returns the scale tier; missing, it is CUSTOM with a machine type of the master and BASIC without.

    Job files have it spelt as gcloud's flag was, too: basic-gpu.
    """
    return (scale_tier or ("CUSTOM" if master_type else "BASIC")).upper().replace("-", "_")


def custom_machine(
    role: str, machine_type: str | None, accelerator_type: str | None, accelerator_count: int | None
) -> Machine:
    """Finds the machine of a task of scale tier CUSTOM.

    Args:
        role: The prefix of its fields: master, worker, parameterServer or evaluator.
        machine_type: ``masterType`` and the like.
        accelerator_type: ``masterConfig.acceleratorConfig.type`` and the like.
        accelerator_count: The same with ``count``.

    Raises:
        JobFileError: With the places as field paths from the training input on.
    """
    machine = _machine_of_type(machine_type) if machine_type else None
    faults = [
        *_type_faults(role, machine_type, machine),
        *_accelerator_faults(role, accelerator_type, accelerator_count),
    ]
    accelerator = (accelerator_type or "").upper()
    if accelerator and machine and not faults:
        faults += _attachment_faults(role, machine, accelerator, accelerator_count)
    if faults or machine is None:
        raise JobFileError(faults)
    return _attach(machine, accelerator, accelerator_count or 1) if accelerator else machine


def machine_of_old_name(name: str) -> Machine:
    """Returns the machine of one of ML Engine's own names, such as ``complex_model_s``."""
    return _old_machine(name)


def _type_faults(role: str, machine_type: str | None, machine: Machine | None) -> Iterable[Fault]:
    if not machine_type:
        flag = {"master": "--master", "worker": "--worker", "parameterServer": "--parameter-server"}.get(role)
        needed = f"scaleTier CUSTOM needs one, here{f' or as {flag}-machine-type' if flag else ''}"
        yield Fault(f"{role}Type", f"is missing; {needed}, such as n1-standard-4 or standard_gpu")
    elif machine is None:
        problem = f"is {machine_type!r}; must be a machine type{_nearest_type(machine_type)}"
        yield Fault(f"{role}Type", problem)


def _accelerator_place(role: str) -> str:
    return f"{role}Config.acceleratorConfig"


def _nearest_type(name: str) -> str:
    sizes = (f"{series}-{cpus}" for series in _GIB_PER_CPU for cpus in _CPUS)
    near = difflib.get_close_matches(name.lower(), [*_OLD_NAMES, *sizes, *_GPU_MACHINES], n=1)
    return f" (did you mean {near[0]}?)" if near else ", such as n1-standard-4 or standard_gpu"


def _accelerator_faults(role: str, accelerator_type: str | None, count: int | None) -> Iterable[Fault]:
    place, accelerator = _accelerator_place(role), (accelerator_type or "").upper()
    if not accelerator:
        if count:
            yield Fault(f"{place}.type", f"is missing; must be one of {', '.join(_GPU_COUNTS)}")
    elif accelerator in _GPU_COUNTS:
        counts = _GPU_COUNTS[accelerator]
        if count is not None and count not in counts:
            allowed = ", ".join(map(str, counts))
            yield Fault(f"{place}.count", f"is {count}; must be one of {allowed} with {accelerator}")
    elif accelerator not in _TPUS:
        yield Fault(
            f"{place}.type", f"is {accelerator!r}; must be one of {', '.join([*_GPU_COUNTS, *_TPUS])}"
        )


def _attachment_faults(role: str, machine: Machine, accelerator: str, count: int | None) -> Iterable[Fault]:
    if machine.gpu_count and (accelerator, count) != (machine.accelerator, machine.gpu_count):
        has = f"{machine.gpu_count} {machine.accelerator}"
        problem = f"is not allowed with {machine.name}, which has {has}; needs an n1 machine"
        yield Fault(_accelerator_place(role), problem)


def _machine_of_tier(tier: str, master_type: str | None) -> Machine:
    machine = _old_machine(_MASTER_OF_TIER[tier])
    warnings = list(machine.warnings)
    if master_type:
        warnings.append(f"masterType is ignored; it counts only with scaleTier CUSTOM, and this is {tier}")
    return replace(machine, name=tier, warnings=tuple(warnings))


def _machine_of_type(name: str) -> Machine | None:
    name = name.strip().lower()
    if name in _OLD_NAMES:
        return _old_machine(name)
    if name in _GPU_MACHINES:
        gpus, accelerator, cpu, gib = _GPU_MACHINES[name]
        return Machine(name, gpus, accelerator, cpu, gib * _GIB)
    size = _size_of(name)
    return Machine(name, cpu=size[0], memory_bytes=size[1]) if size else None


def _old_machine(name: str) -> Machine:
    equivalent, gpu_count, accelerator = _OLD_NAMES[name]
    cpu, memory_bytes = _size_of(equivalent) or (None, None)
    warnings = (_NO_TPU,) if name == "cloud_tpu" else ()
    return Machine(name, gpu_count, accelerator, cpu, memory_bytes, warnings)


def _size_of(name: str) -> tuple[int, int] | None:
    """Returns CPUs and bytes of memory of a Compute Engine machine type; None where there is no such type."""
    match = re.fullmatch(r"([a-z]\dd?-[a-z]+)-(\d{1,3})", name, re.ASCII)
    if match is None or match[1] not in _GIB_PER_CPU or int(match[2]) not in _CPUS:
        return None
    cpu = int(match[2])
    return cpu, round(cpu * _GIB_PER_CPU[match[1]] * _GIB)


def _attach(machine: Machine, accelerator: str, count: int) -> Machine:
    if accelerator in _TPUS:
        return replace(machine, warnings=(*machine.warnings, _NO_TPU))
    return replace(machine, gpu_count=count, accelerator=accelerator)
