import pytest

from hptune.backends.katib.options import KatibOptions


def test_the_defaults_are_fine():
    assert KatibOptions().faults() == []


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--namespace", {"namespace": "Kube flow"}),
        ("--image", {"image": "a b"}),
        ("--image", {"image": "${trialParameters.x}"}),
        ("--image-pull-secret", {"image_pull_secret": "A"}),
        ("--service-account", {"service_account": "a_b"}),
        ("--secret", {"secret": ""}),
        ("--volume-claim", {"volume_claim": "a" * 254}),
        ("--mount-path", {"mount_path": "relative"}),
        ("--mount-path", {"mount_path": "/a b"}),
        ("--accelerator", {"accelerator": "nvidia l4"}),
        ("--priority-class", {"priority_class": "-"}),
        ("--gpus", {"gpus": -1}),
        ("--cpu", {"cpu": 0.0}),
        ("--cpu", {"cpu": float("nan")}),
        ("--memory", {"memory_bytes": 5}),
        ("--shared-memory", {"shared_memory_bytes": 0}),
        ("--label", {"labels": {"a b": "c"}}),
        ("--label", {"labels": {"a": "c d"}}),
        ("--node-selector", {"node_selector": {"/x": ""}}),
    ],
)
def test_what_kubernetes_would_refuse_is_named(option, values):
    (fault,) = KatibOptions(**values).faults()
    assert fault.place == option


def test_all_faults_are_named():
    assert len(KatibOptions(namespace="A", gpus=-1, labels={"": ""}).faults()) == 3
