"""Vertex AI's job files, YAML for gcloud and JSON of Google's client."""

import json
import textwrap
from pathlib import Path

import pytest

from hptune.backends.failures import decided_by
from hptune.errors import JobFileError
from hptune.job.schema import Algorithm, Service
from hptune.job.tuning_job import load_job, parse_job
from hptune.job.vertex.translation import metric_field
from hptune.results.study import Goal, Trial, TrialState
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer
from tests.cases.small_jobs import SHARED, needs_shared

JOB_FILES = Path(__file__).parent / "job_files"

# As `HyperparameterTuningJob.to_dict` writes it: snake_case, enumerations as numbers, defaults in place.
FROM_CLIENT = {
    "name": "",
    "display_name": "",
    "study_spec": {
        "metrics": [{"metric_id": "loss", "goal": 2}],
        "parameters": [
            {
                "parameter_id": "lr",
                "scale_type": 3,
                "double_value_spec": {"min_value": 0.001, "max_value": 1.0},
                "conditional_parameter_specs": [],
            },
            {
                "parameter_id": "units",
                "scale_type": 0,
                "discrete_value_spec": {"values": [16.0, 32.0]},
                "conditional_parameter_specs": [],
            },
        ],
        "algorithm": 3,
        "observation_noise": 0,
        "measurement_selection_type": 1,
    },
    "max_trial_count": 4,
    "parallel_trial_count": 2,
    "max_failed_trial_count": 0,
    "trial_job_spec": {
        "worker_pool_specs": [
            {
                "container_spec": {"image_uri": "gcr.io/p/t:1", "command": [], "args": ["--x"], "env": []},
                "machine_spec": {
                    "machine_type": "n1-standard-4",
                    "accelerator_type": 5,
                    "accelerator_count": 1,
                    "tpu_topology": "",
                },
                "replica_count": "1",
                "nfs_mounts": [],
            }
        ],
        "service_account": "",
        "enable_web_access": False,
        "base_output_directory": {"output_uri_prefix": ""},
    },
    "trials": [],
    "state": 0,
    "labels": {},
}

ONE_POOL = "trialJobSpec: {workerPoolSpecs: [{containerSpec: {imageUri: x}}]}"
PARAMETER = "{parameterId: x, doubleValueSpec: {minValue: 0.1, maxValue: 1}}"


def study(*lines, parameters=PARAMETER, rest=ONE_POOL):
    metrics = () if any("metrics" in line for line in lines) else ("metrics: [{metricId: score}]",)
    inside = (*metrics, *lines, f"parameters: [{parameters}]")
    return "\n".join(("studySpec:", *(f"  {line}" for line in inside), *rest.splitlines()))


def faults_of(text):
    with pytest.raises(JobFileError) as caught:
        parse_job(text, "job.yaml")
    return [str(fault) for fault in caught.value.faults]


def test_everything_that_has_a_meaning_here_is_taken():
    job = load_job(JOB_FILES / "vertex.yaml")
    assert (job.metric, job.goal, job.algorithm) == ("val_auc", Goal.MINIMIZE, Algorithm.RANDOM_SEARCH)
    assert (job.max_trials, job.max_parallel_trials, job.max_failed_trials) == (12, 3, 2)
    assert (job.early_stopping, job.best_counts, job.service) == (True, True, Service.VERTEX_AI)
    assert job.space.parameters == (
        Double("learning-rate", 0.0001, 0.1, Scale.LOG),
        Integer("layers", 1, 4, Scale.LINEAR),
        Categorical("optimizer", ("adam", "ON")),
        Discrete("batch", (32, 64, 128), Scale.LOG),
    )
    assert (job.python_module, job.args) == ("trainer.task", ("--epochs", "5"))
    assert job.package_uris == ("gs://bucket/trainer-0.1.tar.gz",)
    assert (job.job_dir, job.max_running_time_s) == ("gs://bucket/churn", 3600)
    machine = job.machine
    assert (machine.name, machine.accelerator, machine.gpu_count) == ("n1-standard-8", "NVIDIA_TESLA_T4", 2)
    assert job.training_input["runtimeVersion"] == "2.8"
    assert job.training_input["masterConfig"]["env"] == [{"name": "LOG_LEVEL", "value": "debug"}]


def test_everything_else_is_named_by_its_own_name():
    warnings = load_job(JOB_FILES / "vertex.yaml").warnings
    named = {warning.removeprefix(str(JOB_FILES)).split(": ")[1] for warning in warnings}
    pool = "trialJobSpec.workerPoolSpecs[0]"
    assert named == {
        "displayName",
        "labels",
        "studySpec.observationNoise",
        "studySpec.studyStoppingConfig",
        "studySpec.parameters[0].doubleValueSpec.defaultValue",
        "trialJobSpec.scheduling.restartJobOnWorkerRestart",
        "trialJobSpec.serviceAccount",
        f"{pool}.diskSpec",
        f"{pool}.pythonPackageSpec.executorImageUri",
    }
    (noise,) = [warning for warning in warnings if "observationNoise" in warning]
    assert "vertex.yaml:13: " in noise


def test_the_dictionary_of_googles_client_is_read_without_a_word():
    job = parse_job(json.dumps(FROM_CLIENT), "job.json")
    assert (job.metric, job.goal, job.algorithm) == ("loss", Goal.MINIMIZE, Algorithm.RANDOM_SEARCH)
    assert job.space.parameters == (Double("lr", 0.001, 1, Scale.REVERSE_LOG), Discrete("units", (16, 32)))
    assert (job.max_trials, job.max_parallel_trials, job.best_counts) == (4, 2, False)
    assert (job.image_uri, job.container_args, job.job_dir) == ("gcr.io/p/t:1", ("--x",), None)
    assert (job.machine.accelerator, job.machine.gpu_count) == ("NVIDIA_TESLA_T4", 1)
    assert job.warnings == ()


def test_a_fault_is_named_as_the_file_spells_its_field():
    faulty = json.loads(json.dumps(FROM_CLIENT))
    faulty["study_spec"]["parameters"][0]["double_value_spec"]["min_value"] = 0
    faulty["study_spec"]["algorithm"] = "GENETIC"
    algorithm, low = sorted(faults_of(json.dumps(faulty)))
    assert "study_spec.algorithm: is 'GENETIC'; must be GRID_SEARCH or RANDOM_SEARCH" in algorithm
    assert (
        "study_spec.parameters[0].double_value_spec.min_value: 0 is not allowed with UNIT_REVERSE_LOG" in low
    )


def test_what_is_not_said_has_the_services_default():
    job = parse_job(study(), "job.yaml")
    assert (job.algorithm, job.goal) == (Algorithm.BAYESIAN, Goal.MAXIMIZE)
    assert (job.max_trials, job.max_parallel_trials, job.max_failed_trials) == (1, 1, 0)
    assert (job.early_stopping, job.best_counts, job.job_dir) == (False, None, None)
    assert job.warnings == ()


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("studySpec: 3", ":1: studySpec", "is 3; must be a mapping"),
        (ONE_POOL, ":1: studySpec", "is missing; a tuning job needs its metrics and parameters"),
        (study("metrics: []"), ":2: studySpec.metrics", "is empty; must list one metric"),
        (study("metrics: [{metricId: a}, {metricId: b}]"), ":2: studySpec.metrics", "lists 2; must list one"),
        (study("metrics: [{goal: MINIMIZE}]"), ":2: studySpec.metrics[0].metricId", "is missing"),
        (study("metrics: [{metricId: a, goal: UP}]"), ":2: studySpec.metrics[0].goal", "is 'UP'; must be"),
        (study(parameters=""), ":3: studySpec.parameters", "is empty; must list at least one parameter"),
        (
            study(parameters="{parameterId: x}"),
            ":3: studySpec.parameters[0]",
            "has none of its values; must have one of doubleValueSpec, integerValueSpec",
        ),
        (
            study(parameters="{parameterId: x, doubleValueSpec: {}, integerValueSpec: {}}"),
            ":3: studySpec.parameters[0]",
            "has doubleValueSpec and integerValueSpec",
        ),
        (
            study(parameters="{parameterId: x, doubleValueSpec: {minValue: 1}}"),
            ":3: studySpec.parameters[0].doubleValueSpec.maxValue",
            "is missing; must be a finite number",
        ),
        (
            study(parameters="{parameterId: x, integerValueSpec: {minValue: 1, maxValue: 2.5}}"),
            ":3: studySpec.parameters[0].integerValueSpec.maxValue",
            "is 2.5; must be a whole number",
        ),
        (
            study(parameters="{parameterId: x, categoricalValueSpec: {values: [a, a]}}"),
            ":3: studySpec.parameters[0].categoricalValueSpec.values",
            "holds 'a' 2 times",
        ),
        (
            study(parameters="{parameterId: x, discreteValueSpec: {values: [1, 1]}}"),
            ":3: studySpec.parameters[0].discreteValueSpec.values[1]",
            "1 is given twice",
        ),
        (study(parameters=f"{PARAMETER}, {PARAMETER}"), ":3: studySpec.parameters[1].parameterId", "unique"),
        (
            study("algorithm: GRID_SEARCH"),
            ":4: studySpec.parameters[0].doubleValueSpec",
            "is DOUBLE; must be INTEGER",
        ),
        (
            study(parameters=PARAMETER[:-1] + ", conditionalParameterSpecs: [{parameterSpec: {}}]}"),
            ":3: studySpec.parameters[0].conditionalParameterSpecs",
            "is not supported: each trial tunes every parameter; list those parameters with the others",
        ),
        (
            study(rest="trialJobSpec: {workerPoolSpecs: [{machineSpec: {machineType: n9-big-4}}]}"),
            ":4: trialJobSpec.workerPoolSpecs[0].machineSpec.machineType",
            "is 'n9-big-4'; must be a machine type",
        ),
        (
            study(rest="trialJobSpec: {workerPoolSpecs: [{machineSpec: {acceleratorType: NVIDIA_L4}}]}"),
            ":4: trialJobSpec.workerPoolSpecs[0].machineSpec.machineType",
            "is missing; an accelerator needs a machine",
        ),
        (
            study(rest="trialJobSpec: {workerPoolSpecs: [{replicaCount: 2}]}"),
            ":4: trialJobSpec.workerPoolSpecs[0].replicaCount",
            "is 2; must be 1",
        ),
        (
            study(rest="trialJobSpec: {workerPoolSpecs: [{containerSpec: {env: [{value: a}]}}]}"),
            ":4: trialJobSpec.workerPoolSpecs[0].containerSpec.env[0].name",
            "is null; must be the name of an environment variable",
        ),
        (
            study(rest="trialJobSpec: {scheduling: {timeout: soon}}"),
            ":4: trialJobSpec.scheduling.timeout",
            "is 'soon'; must be seconds",
        ),
        (study(rest="trialJobSpec: {workerPoolSpecs: 1}"), ":4: trialJobSpec.workerPoolSpecs", "a list"),
    ],
)
def test_one_fault_is_named_in_vertex_own_words(text, place, problem):
    (fault,) = faults_of(text)
    assert fault.startswith(f"job.yaml{place}: ")
    assert problem in fault


def test_faults_of_both_kinds_come_together_in_the_files_order():
    text = study(
        "algorithm: BEST", parameters="{parameterId: x, doubleValueSpec: {minValue: 3, maxValue: 2}}"
    )
    assert [fault.split(": ")[1] for fault in faults_of(text)] == [
        "studySpec.algorithm",
        "studySpec.parameters[0].doubleValueSpec.maxValue",
    ]


def test_a_field_that_nobody_knows_and_one_given_twice_are_warned_of():
    text = study("observationNois: LOW", rest="max_trial_count: 2\nmaxTrialCount: 3")
    warnings = parse_job(text, "job.yaml").warnings
    assert any("studySpec.observationNois: unknown field, ignored (did you mean obs" in w for w in warnings)
    assert parse_job(text, "job.yaml").max_trials == 2


@pytest.mark.parametrize("rule", ["decayCurveStoppingSpec", "convexAutomatedStoppingSpec"])
def test_another_stopping_rule_becomes_the_median_with_a_word(rule):
    job = parse_job(study(f"{rule}: {{}}"), "job.yaml")
    assert job.early_stopping
    (warning,) = job.warnings
    assert f"studySpec.{rule}: is taken for medianAutomatedStoppingSpec" in warning


def test_the_other_pools_are_the_workers_parameter_servers_and_evaluators():
    pools = [
        {"containerSpec": {"imageUri": "a"}},
        {},
        {"replicaCount": 2, "machineSpec": {"machineType": "x"}},
    ]
    text = study(rest=f"trialJobSpec: {json.dumps({'workerPoolSpecs': pools})}")
    job = parse_job(text, "job.yaml")
    assert job.training_input["parameterServerCount"] == 2
    assert any("trialJobSpec.workerPoolSpecs[2].replicaCount: is ignored" in each for each in job.warnings)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("masterConfig.imageUri", "trialJobSpec.workerPoolSpecs[0].containerSpec.imageUri"),
        ("workerType", "trialJobSpec.workerPoolSpecs[1].machineSpec.machineType"),
        ("parameterServerCount", "trialJobSpec.workerPoolSpecs[2].replicaCount"),
        ("evaluatorConfig.containerArgs", "trialJobSpec.workerPoolSpecs[3].containerSpec.args"),
        ("scaleTier", "trialJobSpec.workerPoolSpecs"),
        ("hyperparameters.maxFailedTrials", "maxFailedTrialCount"),
        ("hyperparameters.enableTrialEarlyStopping", "studySpec.medianAutomatedStoppingSpec"),
        ("runtimeVersion", "trialJobSpec.workerPoolSpecs[0].pythonPackageSpec.executorImageUri"),
    ],
)
def test_a_field_of_a_job_is_told_by_the_name_that_its_file_has(name, told):
    assert parse_job(study(), "job.yaml").field(name) == told
    assert load_job(JOB_FILES / "mnist.yaml").field(name) == name


@pytest.mark.parametrize(
    ("text", "rule"),
    [(study(rest="maxFailedTrialCount: 1"), "maxFailedTrialCount is 1"), (study(), "no trial has succeeded")],
)
def test_the_trial_that_failed_a_job_is_told_with_the_rule_of_its_file(text, rule):
    failed = Trial(2, {}, TrialState.FAILED, message="exited with code 1")
    assert decided_by(failed, parse_job(text, "job.yaml")).startswith(
        f"trial 2 exited with code 1, and {rule}"
    )


def test_the_objective_is_told_by_the_field_that_names_it():
    assert metric_field(Service.VERTEX_AI) == "metricId"
    assert metric_field(Service.ML_ENGINE) == "hyperparameterMetricTag"


def test_ml_engines_file_is_none_of_vertex():
    text = textwrap.dedent(f"""\
        trainingInput:
          hyperparameters: {{params: [{{parameterName: x, type: DOUBLE, minValue: 0, maxValue: 1}}]}}
        studySpec: {{parameters: [{PARAMETER}]}}
        """)
    job = parse_job(text, "job.yaml")
    assert job.service is Service.ML_ENGINE
    assert any("studySpec: unknown field" in warning for warning in job.warnings)


@needs_shared
def test_the_shared_file_is_read():
    job = load_job(SHARED / "vertex" / "a.yaml")
    assert (job.metric, job.goal, job.algorithm) == ("score", Goal.MAXIMIZE, Algorithm.BAYESIAN)
    assert job.space.parameters == (Double("x", 0.1, 1),)
    assert (job.python_module, job.package_uris) == ("trainer.task", ("gs://b/t.tar.gz",))
