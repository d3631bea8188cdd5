import pytest

from hptune.backends.katib.options import DECLARED, KatibAlgorithm, KatibOptions
from hptune.errors import UsageError
from hptune.job.tuning_job import parse_job

GPU_JOB = """
trainingInput:
  scaleTier: BASIC_GPU
  hyperparameters:
    params: [{parameterName: x, type: DOUBLE, minValue: 0, maxValue: 1}]
"""


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


def test_a_pipelines_json_is_read_as_the_command_line_is():
    given = {
        "algorithm": "gp-bandit",
        # KFP makes floats of all numbers.
        "gpus": 1.0,
        "cpu": "500m",
        "memory": "2Gi",
        "shared_memory": 2.0**30,
        "labels": {"team": "research"},
        "secret": None,
        "namespace": None,
    }
    options = KatibOptions.read(given)
    assert options == KatibOptions(
        algorithm=KatibAlgorithm.BANDIT,
        gpus=1,
        cpu=0.5,
        memory_bytes=2**31,
        shared_memory_bytes=2**30,
        labels={"team": "research"},
    )
    assert isinstance(options.gpus, int)


def test_all_that_is_wrong_with_a_pipelines_json_is_told_together_by_field():
    given = {"gpus": "two", "memory": "4 GB", "memroy": "4Gi", "labels": ["a"], "cpu": True, "secret": 5}
    with pytest.raises(UsageError) as caught:
        KatibOptions.read({**given, "node_selector": {"pool": "a b"}, "colour": "red", "shared_memory": 1})
    text = str(caught.value)
    assert len(caught.value.faults) == 9
    for line in (
        "katib.gpus: 'two' is not allowed (must be a whole number, at least 0)",
        "katib.memory: '4 GB' is not allowed (must be an amount of memory, at least 1Mi, such as",
        "katib.memroy: is unknown; did you mean memory?",
        "katib.labels: ['a'] is not allowed (must be a mapping of texts)",
        "katib.cpu: True is not allowed",
        "katib.secret: is 5; must be letters a-z, digits, '-' and '.'",
        "katib.node_selector: 'a b' is not allowed (must be a label's value)",
        "katib.colour: is unknown; must be one of namespace, image, ",
        "katib.shared_memory: is 1; must be an amount of memory",
    ):
        assert line in text


def test_the_form_says_the_defaults_and_is_read_back_as_them():
    form = KatibOptions.form()
    assert list(form) == [each.key for each in DECLARED]
    assert KatibOptions.read(form) == KatibOptions()


def test_every_option_says_what_it_does():
    assert all(each.option.help.endswith(".") for each in DECLARED)


@pytest.mark.parametrize(
    ("said", "meant"),
    [(None, "nvidia-tesla-t4"), ("any", None), ("", None), ("nvidia-l4", "nvidia-l4")],
)
def test_the_gpu_of_the_trials_is_the_machines_any_or_the_one_named(said, meant):
    job = parse_job(GPU_JOB, "hptune.yaml")
    assert KatibOptions(accelerator=said).gke_accelerator(job) == meant
