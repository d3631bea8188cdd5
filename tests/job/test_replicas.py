"""The tasks of a trial beside its master, as a job file asks for them."""

import json

import pytest
from click.testing import CliRunner

from hptune.cli.validate import validate
from hptune.errors import JobFileError
from hptune.job.overrides import Override
from hptune.job.replicas import Role
from hptune.job.tuning_job import parse_job

PARAMS = [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]
CUSTOM = {"scaleTier": "CUSTOM", "masterType": "standard"}


def job_of(*, overrides=(), **training):
    return parse_job(json.dumps({**training, "hyperparameters": {"params": PARAMS}}), "job.yaml", overrides)


def shown(job):
    return [(each.role.value, each.count, each.machine.name, each.machine.gpu_count) for each in job.replicas]


@pytest.mark.parametrize(
    ("tier", "replicas"),
    [
        ("BASIC", []),
        ("STANDARD_1", [("worker", 4, "complex_model_s", 0), ("ps", 3, "standard", 0)]),
        ("premium_1", [("worker", 19, "complex_model_m", 0), ("ps", 11, "large_model", 0)]),
        ("BASIC_TPU", []),
    ],
)
def test_tiers_have_the_tasks_and_machines_of_the_service(tier, replicas):
    assert shown(job_of(scaleTier=tier)) == replicas


def test_a_custom_tier_has_what_is_counted():
    job = job_of(
        **CUSTOM,
        workerCount="2",
        workerType="n1-standard-8",
        workerConfig={
            "acceleratorConfig": {"count": 2, "type": "NVIDIA_TESLA_T4"},
            "imageUri": "gcr.io/p/w:1",
        },
        parameterServerCount=1,
        parameterServerType="large_model",
        evaluatorCount=1,
        evaluatorType="standard_gpu",
    )
    assert shown(job) == [
        ("worker", 2, "n1-standard-8", 2),
        ("ps", 1, "large_model", 0),
        ("evaluator", 1, "standard_gpu", 1),
    ]
    assert [each.image_uri for each in job.replicas] == ["gcr.io/p/w:1", None, None]
    assert job.task_counts == {Role.WORKER: 2, Role.PS: 1, Role.EVALUATOR: 1}
    assert job.warnings == ()


def test_validate_says_which_tasks_a_trial_has(tmp_path):
    config = tmp_path / "hptune.yaml"
    config.write_text(json.dumps({"scaleTier": "STANDARD_1", "hyperparameters": {"params": PARAMS}}))
    said = CliRunner().invoke(validate, [str(config)])
    assert said.exit_code == 0
    assert "  each trial has 1 master, 4 workers, 3 parameter servers\n" in said.output


def test_flags_set_the_fields():
    given = {
        "--worker-count": (("workerCount",), "3"),
        "--worker-machine-type": (("workerType",), "standard"),
    }
    overrides = tuple(Override(flag, path, value) for flag, (path, value) in given.items())
    assert shown(job_of(**CUSTOM, overrides=overrides)) == [("worker", 3, "standard", 0)]


def test_all_faults_of_all_roles_are_reported_together():
    with pytest.raises(JobFileError) as caught:
        job_of(
            **CUSTOM,
            workerCount=2,
            parameterServerCount=1,
            parameterServerType="standart",
            evaluatorCount=1,
            evaluatorType="standard",
            evaluatorConfig={"acceleratorConfig": {"count": 3, "type": "NVIDIA_TESLA_T4"}},
        )
    assert [(each.place, each.problem.partition(";")[0]) for each in caught.value.faults] == [
        ("job.yaml:1: workerType", "is missing"),
        ("job.yaml:1: parameterServerType", "is 'standart'"),
        ("job.yaml:1: evaluatorConfig.acceleratorConfig.count", "is 3"),
    ]


@pytest.mark.parametrize(
    ("training", "warning"),
    [
        ({"scaleTier": "STANDARD_1", "workerCount": 9}, "workerCount: is ignored; it counts only with"),
        (
            {"scaleTier": "BASIC", "evaluatorType": "standard"},
            "evaluatorType: is ignored; it counts only with",
        ),
        ({**CUSTOM, "workerType": "standard"}, "workerType: is ignored; there is no workerCount"),
        ({**CUSTOM, "workerCount": 0, "workerType": "standard"}, "workerType: is ignored"),
        (
            {"scaleTier": "STANDARD_1", "workerConfig": {"containerCommand": ["x"]}},
            "workerConfig.containerCommand: is ignored; every task of a trial runs the same program",
        ),
    ],
)
def test_what_says_nothing_is_a_warning(training, warning):
    [found] = job_of(**training).warnings
    assert warning in found
