import re

import pytest

from hptune.backends.katib.experiment.names import MAX_EXPERIMENT_NAME, experiment_name, job_label

NAMES = ["mnist", "Mnist", "mnist_1", "mnist-1", "MNIST.1", "a" * 128, "A" + "-" * 127, "j"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_katib_takes(name):
    made = experiment_name(name, "kubeflow")
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made)
    assert len(made) <= MAX_EXPERIMENT_NAME
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", job_label(name))


def test_a_name_can_be_read_and_is_always_the_same():
    assert experiment_name("My_job.1", "kubeflow") == experiment_name("My_job.1", "kubeflow")
    assert experiment_name("My_job.1", "kubeflow").startswith("my-job-1-")


def test_every_job_of_every_namespace_has_its_own():
    made = [experiment_name(name, namespace) for name in NAMES for namespace in ("kubeflow", "other")]
    assert len({*made}) == len(made)
