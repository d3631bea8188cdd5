import re

import pytest
from submissions import submission

from hptune.backends.katib.experiment.resources import resources, shared_memory
from hptune.backends.katib.options import KatibOptions
from hptune.backends.katib.quantities import bytes_quantity, cpu_quantity

GIB = 2**30
# What GKE's nodes of these types have to give to pods: CPUs, GiB.
ALLOCATABLE = {
    "n1-standard-1": (0.94, 2.7),
    "n1-standard-4": (3.92, 12.3),
    "n1-standard-8": (7.91, 26.6),
    "n1-standard-96": (95.69, 347.0),
}


def job_on(machine_type):
    return submission(training={"scaleTier": "CUSTOM", "masterType": machine_type}).job


@pytest.mark.parametrize("machine_type", ALLOCATABLE)
def test_a_trial_fits_a_node_of_its_machine_and_leaves_little(machine_type):
    requests = resources(job_on(machine_type), KatibOptions())["requests"]
    cpu, memory_gib = ALLOCATABLE[machine_type]
    asked_cpu = float(requests["cpu"].removesuffix("m")) / (1000 if "m" in requests["cpu"] else 1)
    asked_gib = float(re.match(r"\d+", requests["memory"])[0]) / (1024 if "Mi" in requests["memory"] else 1)
    assert cpu * 0.4 < asked_cpu < cpu - 0.3
    assert memory_gib * 0.65 < asked_gib < memory_gib - 0.5


def test_a_small_machine_is_not_asked_for_nothing():
    requests = resources(job_on("n1-highcpu-1"), KatibOptions())["requests"]
    assert requests == {"cpu": "439m", "memory": "230Mi"}


def test_shared_memory_is_half_of_the_memory():
    assert shared_memory(job_on("n1-standard-4"), KatibOptions(memory_bytes=4 * GIB)) == {
        "medium": "Memory",
        "sizeLimit": "2Gi",
    }


def test_memory_that_is_named_is_the_limit_and_the_machines_is_none():
    named = resources(job_on("n1-standard-4"), KatibOptions(memory_bytes=4 * GIB))
    assert named["requests"]["memory"] == named["limits"]["memory"] == "4Gi"
    assert "limits" not in resources(job_on("n1-standard-4"), KatibOptions())


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (2**20, "1Mi"),
        (3 * 2**29, "1536Mi"),
        (GIB, "1Gi"),
        (GIB + 1, "1Gi"),
        (2**40, "1Ti"),
        (2**60, "1048576Ti"),
    ],
)
def test_bytes_as_kubernetes_writes_them(size, text):
    assert bytes_quantity(size) == text


def test_cpus_as_kubernetes_writes_them():
    assert [cpu_quantity(cpu) for cpu in (0.0001, 0.25, 1, 1.5, 96.0)] == ["1m", "250m", "1", "1500m", "96"]
