import pytest

from hptune.errors import JobFileError
from hptune.job.machines import resolve_machine

GIB = 2**30


@pytest.mark.parametrize(
    ("tier", "master", "gpu_count", "accelerator", "gke_accelerator", "cpu", "memory_gib"),
    [
        (None, None, 0, None, None, 4, 15),
        ("BASIC", None, 0, None, None, 4, 15),
        ("basic_gpu", None, 1, "NVIDIA_TESLA_K80", "nvidia-tesla-t4", 8, 30),
        ("BASIC-GPU", None, 1, "NVIDIA_TESLA_K80", "nvidia-tesla-t4", 8, 30),
        ("STANDARD_1", None, 0, None, None, 8, 7.2),
        ("PREMIUM_1", None, 0, None, None, 16, 14.4),
        ("BASIC_TPU", None, 0, None, None, 4, 15),
        ("CUSTOM", "standard", 0, None, None, 4, 15),
        ("CUSTOM", "large_model", 0, None, None, 8, 52),
        ("CUSTOM", "complex_model_s", 0, None, None, 8, 7.2),
        ("CUSTOM", "complex_model_m", 0, None, None, 16, 14.4),
        ("CUSTOM", "complex_model_l", 0, None, None, 32, 28.8),
        ("CUSTOM", "standard_gpu", 1, "NVIDIA_TESLA_K80", "nvidia-tesla-t4", 8, 30),
        ("CUSTOM", "complex_model_m_gpu", 4, "NVIDIA_TESLA_K80", "nvidia-tesla-t4", 16, 60),
        ("CUSTOM", "complex_model_l_gpu", 8, "NVIDIA_TESLA_K80", "nvidia-tesla-t4", 32, 120),
        ("CUSTOM", "standard_p100", 1, "NVIDIA_TESLA_P100", "nvidia-tesla-p100", 8, 30),
        ("CUSTOM", "complex_model_m_p100", 4, "NVIDIA_TESLA_P100", "nvidia-tesla-p100", 16, 60),
        ("CUSTOM", "standard_v100", 1, "NVIDIA_TESLA_V100", "nvidia-tesla-v100", 8, 30),
        ("CUSTOM", "large_model_v100", 1, "NVIDIA_TESLA_V100", "nvidia-tesla-v100", 8, 52),
        ("CUSTOM", "complex_model_m_v100", 4, "NVIDIA_TESLA_V100", "nvidia-tesla-v100", 16, 60),
        ("CUSTOM", "complex_model_l_v100", 8, "NVIDIA_TESLA_V100", "nvidia-tesla-v100", 32, 120),
        ("CUSTOM", "cloud_tpu", 0, None, None, 4, 15),
        ("CUSTOM", "n1-standard-96", 0, None, None, 96, 360),
        ("CUSTOM", "n1-highmem-2", 0, None, None, 2, 13),
        ("CUSTOM", "n1-highcpu-64", 0, None, None, 64, 57.6),
        ("CUSTOM", "a2-highgpu-2g", 2, "NVIDIA_TESLA_A100", "nvidia-tesla-a100", 24, 170),
        (None, "Standard_GPU", 1, "NVIDIA_TESLA_K80", "nvidia-tesla-t4", 8, 30),
    ],
)
def test_machine_of_a_tier_or_type(tier, master, gpu_count, accelerator, gke_accelerator, cpu, memory_gib):
    machine = resolve_machine(tier, master)
    assert (machine.gpu_count, machine.accelerator) == (gpu_count, accelerator)
    assert machine.gke_accelerator == gke_accelerator
    assert machine.cpu == cpu
    assert machine.memory_bytes == pytest.approx(memory_gib * GIB, abs=1)


@pytest.mark.parametrize(
    ("accelerator", "count", "expected", "label", "substituted"),
    [
        ("NVIDIA_TESLA_K80", 8, 8, "nvidia-tesla-t4", True),
        ("NVIDIA_TESLA_P4", 4, 4, "nvidia-tesla-t4", True),
        ("nvidia_tesla_t4", None, 1, "nvidia-tesla-t4", False),
        ("NVIDIA_TESLA_V100", 2, 2, "nvidia-tesla-v100", False),
        ("NVIDIA_TESLA_A100", 16, 16, "nvidia-tesla-a100", False),
    ],
)
def test_accelerators_attached_to_a_machine(accelerator, count, expected, label, substituted):
    machine = resolve_machine("CUSTOM", "n1-standard-16", accelerator, count)
    assert (machine.name, machine.cpu, machine.gpu_count) == ("n1-standard-16", 16, expected)
    assert (machine.gke_accelerator, machine.substituted) == (label, substituted)


@pytest.mark.parametrize(
    ("arguments", "place", "fragment"),
    [
        (("BASIC_GPUS",), "scaleTier", "is 'BASIC_GPUS'; must be BASIC, STANDARD_1"),
        (("CUSTOM",), "masterType", "is missing; scaleTier CUSTOM needs one"),
        (("CUSTOM", "standart_gpu"), "masterType", "did you mean standard_gpu?"),
        (("CUSTOM", "n1-standard-5"), "masterType", "must be a machine type (did you mean n1-standard-"),
        (
            ("CUSTOM", "mainframe"),
            "masterType",
            "is 'mainframe'; must be a machine type, such as n1-standard-4",
        ),
        (
            ("CUSTOM", "n1-standard-4", "K80", 1),
            "masterConfig.acceleratorConfig.type",
            "is 'K80'; must be one of",
        ),
        (("CUSTOM", "n1-standard-4", None, 2), "masterConfig.acceleratorConfig.type", "is missing"),
        (
            ("CUSTOM", "n1-standard-4", "NVIDIA_TESLA_T4", 3),
            "masterConfig.acceleratorConfig.count",
            "is 3; must be one of 1, 2, 4 with NVIDIA_TESLA_T4",
        ),
        (("CUSTOM", "n1-standard-4", "NVIDIA_TESLA_T4", 0), "masterConfig.acceleratorConfig.count", "is 0"),
        (("BASIC", None, "NVIDIA_TESLA_T4", 1), "masterConfig.acceleratorConfig", "set scaleTier CUSTOM"),
        (
            ("CUSTOM", "standard_gpu", "NVIDIA_TESLA_T4", 1),
            "masterConfig.acceleratorConfig",
            "which has 1 NVIDIA_TESLA_K80",
        ),
    ],
)
def test_faults_name_the_field_and_what_is_allowed(arguments, place, fragment):
    with pytest.raises(JobFileError) as caught:
        resolve_machine(*arguments)
    (fault,) = caught.value.faults
    assert fault.place == place
    assert fragment in fault.problem


def test_all_faults_come_together():
    with pytest.raises(JobFileError) as caught:
        resolve_machine("CUSTOM", "x", "NVIDIA_TESLA_T4", 7)
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("BASIC_TPU",), "TPUs are not supported"),
        (("CUSTOM", "cloud_tpu"), "TPUs are not supported"),
        (("CUSTOM", "n1-standard-4", "TPU_V2", 8), "TPUs are not supported"),
        (("BASIC", "standard_gpu"), "masterType is ignored"),
    ],
)
def test_what_is_not_honoured_is_a_warning(arguments, fragment):
    machine = resolve_machine(*arguments)
    assert machine.gpu_count == 0
    assert any(fragment in warning for warning in machine.warnings)


def test_a_plain_machine_has_no_warnings():
    assert resolve_machine("CUSTOM", "standard_gpu").warnings == ()
