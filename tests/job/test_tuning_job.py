import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hptune.job.schema import Algorithm
from hptune.job.tuning_job import differences, load_job, parse_job
from hptune.results.study import Goal
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer
from tests.job_texts import PARAM, bounded, job_with, job_with_params

JOB_FILES = Path(__file__).parent / "job_files"
FIRST = "job.yaml:4: trainingInput.hyperparameters.params[0]"


def only_parameter(spec):
    (parameter,) = parse_job(job_with_params(spec), "job.yaml").space
    return parameter


def test_the_tuned_trainers_file():
    job = load_job(JOB_FILES / "mnist.yaml")
    assert (job.goal, job.metric, job.max_trials, job.max_parallel_trials) == (
        Goal.MAXIMIZE,
        "accuracy",
        10,
        1,
    )
    assert job.space.parameters == (
        Integer("num-steps", 200, 10000, Scale.LINEAR),
        Double("lr", 0.001, 0.1, Scale.LOG),
    )
    assert (job.machine.gpu_count, job.machine.accelerator) == (1, "NVIDIA_TESLA_K80")
    assert job.training_input["pythonVersion"] == "3.5"
    (warning,) = job.warnings
    assert "trainingInput.pythonVersion: chooses no interpreter" in warning


def test_everything_documented_is_known():
    job = load_job(JOB_FILES / "everything.yaml")
    assert not [warning for warning in job.warnings if "unknown" in warning]
    assert (job.goal, job.metric, job.algorithm) == (Goal.MINIMIZE, "eval loss/mean", Algorithm.RANDOM_SEARCH)
    assert (job.max_trials, job.max_parallel_trials, job.max_failed_trials) == (40, 1000, 3)
    assert (job.early_stopping, job.resume_previous_job_id) == (True, "census_20181231")
    assert job.args == ("--train-file", "gs://bucket/train.csv", "--steps", "1000")
    assert (job.python_module, job.job_dir) == ("trainer.task", "gs://bucket/job")
    assert job.package_uris == ("gs://bucket/trainer-0.1.tar.gz",)
    assert job.max_running_time_s == 7200.5
    assert (job.machine.name, job.machine.gpu_count) == ("n1-highmem-8", 2)
    assert (job.image_uri, job.container_args) == ("gcr.io/project/trainer:1", ("--verbose",))
    assert job.container_command == ("python", "-m", "trainer.task")
    assert job.space["shape"] == Categorical("shape", ("64,16", "https://tfhub.dev/x/1", "ON", "1", "1.50"))
    assert job.space["units"] == Discrete("units", (16, 32.5, 64), Scale.LOG)
    ignored = (
        "workerConfig.tpuTfVersion",
        "network",
        "serviceAccount",
        "encryptionConfig",
        "scheduling.maxWaitTime",
    )
    assert all(any(f".{name}: " in warning for warning in job.warnings) for name in ignored)


def test_training_input_is_what_json_would_hold():
    given_input = load_job(JOB_FILES / "everything.yaml").training_input
    assert json.loads(json.dumps(given_input)) == given_input
    assert given_input["workerCount"] == 2
    assert given_input["hyperparameters"]["enableTrialEarlyStopping"] is True
    assert given_input["hyperparameters"]["params"][1] == {
        "parameterName": "layers",
        "type": "INTEGER",
        "minValue": 1,
        "maxValue": 8,
        "scaleType": "UNIT_LOG_SCALE",
    }
    assert parse_job(json.dumps(given_input), "again.json").training_input == given_input


def test_json_with_tabs_and_every_number_a_string():
    job = load_job(JOB_FILES / "strings_and_tabs.json")
    assert (job.goal, job.max_trials, job.metric) == (Goal.MINIMIZE, 10, "training/hptuning/metric")
    assert job.space.parameters == (
        Integer("hidden", 64, 512, Scale.REVERSE_LOG),
        Double("dropout", 0.0001, 0.5),
    )
    assert job.args == ("--note", "a\tb \N{GRINNING FACE}")


def test_byte_order_mark_carriage_returns_and_an_indented_document():
    job = load_job(JOB_FILES / "bom_crlf_indented.yaml")
    assert job.space.parameters == (Double("learning-rate", 0.1, 0.9),)
    assert (job.goal, job.resume_previous_job_id) == (Goal.MAXIMIZE, None)


def test_what_a_missing_field_means():
    job = parse_job(job_with_params(PARAM), "job.yaml")
    assert (job.goal, job.metric) == (Goal.MAXIMIZE, "training/hptuning/metric")
    assert (job.max_trials, job.max_parallel_trials, job.max_failed_trials) == (1, 1, 0)
    assert (job.algorithm, job.early_stopping) == (Algorithm.BAYESIAN, False)
    assert (job.max_running_time_s, job.python_module, job.image_uri, job.job_dir) == (None, None, None, None)
    assert job.machine.name == "BASIC"


@pytest.mark.parametrize(
    ("field", "written", "attribute", "expected"),
    [
        ("maxTrials", '"10"', "max_trials", 10),
        ("maxTrials", "10.0", "max_trials", 10),
        ("maxTrials", "1e1", "max_trials", 10),
        ("maxTrials", "1_000", "max_trials", 1000),
        ("maxTrials", "010", "max_trials", 8),
        ("maxTrials", "0x10", "max_trials", 16),
        ("maxTrials", "0", "max_trials", 1),
        ("maxTrials", "null", "max_trials", 1),
        ("maxParallelTrials", "0", "max_parallel_trials", 1),
        ("maxFailedTrials", "~", "max_failed_trials", 0),
        ("goal", "minimize", "goal", Goal.MINIMIZE),
        ("goal", "2", "goal", Goal.MINIMIZE),
        ("goal", '"1"', "goal", Goal.MAXIMIZE),
        ("goal", "0", "goal", Goal.MAXIMIZE),
        ("goal", "GOAL_TYPE_UNSPECIFIED", "goal", Goal.MAXIMIZE),
        ("algorithm", "2", "algorithm", Algorithm.RANDOM_SEARCH),
        ("algorithm", "Random_Search", "algorithm", Algorithm.RANDOM_SEARCH),
        ("enableTrialEarlyStopping", "TRUE", "early_stopping", True),
        ("enableTrialEarlyStopping", "yes", "early_stopping", True),
        ("enableTrialEarlyStopping", "On", "early_stopping", True),
        ("enableTrialEarlyStopping", '"true"', "early_stopping", True),
        ("enableTrialEarlyStopping", "no", "early_stopping", False),
        ("resumePreviousJobId", "null", "resume_previous_job_id", None),
        ("resumePreviousJobId", "20190101", "resume_previous_job_id", "20190101"),
        ("hyperparameterMetricTag", "eval loss/mean", "metric", "eval loss/mean"),
    ],
)
def test_tuning_fields_as_people_write_them(field, written, attribute, expected):
    job = parse_job(job_with_params(PARAM, **{field: written}), "job.yaml")
    assert getattr(job, attribute) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (bounded(minValue='"0.001"', maxValue="1e-1"), Double("lr", 0.001, 0.1)),
        (bounded(minValue="1e-4", maxValue="1E5"), Double("lr", 0.0001, 100000.0)),
        (bounded(minValue='".0001"', maxValue="+1."), Double("lr", 0.0001, 1.0)),
        (bounded(minValue="-1", maxValue="-0.5"), Double("lr", -1.0, -0.5)),
        (bounded(minValue="2", maxValue="2"), Double("lr", 2.0, 2.0)),
        (bounded(scaleType="NONE"), Double("lr", 1.0, 2.0, Scale.LINEAR)),
        (bounded(type="1", scaleType="2"), Double("lr", 1.0, 2.0, Scale.LOG)),
        (bounded(type="2", scaleType="3"), Integer("lr", 1, 2, Scale.REVERSE_LOG)),
        (bounded(type="integer", maxValue="2.0"), Integer("lr", 1, 2)),
        ("{parameterName: d, type: DISCRETE, discreteValues: 3}", Discrete("d", (3,))),
        ("{parameterName: d, type: 4, discreteValues: ['1', 2.5]}", Discrete("d", (1, 2.5))),
        (
            "{parameterName: c, type: 3, categoricalValues: [ON, on, 1, 1.0, yes, 2020-01-01, '']}",
            Categorical("c", ("ON", "on", "1", "1.0", "yes", "2020-01-01", "")),
        ),
        ("{parameterName: c, type: CATEGORICAL, categoricalValues: adam}", Categorical("c", ("adam",))),
        (bounded(parameterName="first-hidden.layer_size"), Double("first-hidden.layer_size", 1.0, 2.0)),
    ],
)
def test_parameters_as_people_write_them(spec, expected):
    assert only_parameter(spec) == expected


@pytest.mark.parametrize(
    ("written", "seconds"), [("7200s", 7200), ("7200", 7200), ("0.5s", 0.5), ("1.123456789s", 1.123456789)]
)
def test_running_time_in_seconds(written, seconds):
    assert (
        parse_job(job_with(scheduling=f"{{maxRunningTime: {written}}}"), "job.yaml").max_running_time_s
        == seconds
    )


def test_versions_keep_their_spelling():
    job = parse_job(job_with(runtimeVersion="1.10", pythonVersion="3.5"), "job.yaml")
    assert (job.training_input["runtimeVersion"], job.training_input["pythonVersion"]) == ("1.10", "3.5")


def test_fourteen_parameters_and_a_thousand_trials():
    params = (bounded(parameterName=f"p{i}") for i in range(14))
    job = parse_job(job_with_params(*params, maxTrials=1000, maxParallelTrials=1000), "job.yaml")
    assert (len(job.space), job.max_trials) == (14, 1000)


def test_anchors_and_merge_keys():
    text = """\
        unit: &unit {type: DOUBLE, minValue: 0, maxValue: 1}
        hyperparameters:
          params:
            - {<<: *unit, parameterName: a}
            - {parameterName: b, maxValue: 2, <<: *unit}
        """
    assert parse_job(textwrap.dedent(text), "job.yaml").space.parameters == (
        Double("a", 0, 1),
        Double("b", 0, 2),
    )


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            job_with_params(PARAM, maxTrail=3),
            "job.yaml:3: trainingInput.hyperparameters.maxTrail: unknown field, ignored "
            "(did you mean maxTrials?)",
        ),
        (job_with_params(bounded(step="1")), f"{FIRST}.step: unknown field, ignored"),
        (job_with(zzz="1"), "job.yaml:1: zzz: unknown field, ignored"),
        (
            "goal: &g MINIMIZE\n" + job_with_params(PARAM, goal="MAXIMIZE\n    goal: MINIMIZE"),
            "job.yaml:5: trainingInput.hyperparameters.goal: is given again; the one on line 4 counts",
        ),
        (
            f"scaleTier: BASIC\ntrainingInput: {{hyperparameters: {{params: [{PARAM}]}}}}",
            "job.yaml:1: scaleTier: stands outside trainingInput and is ignored; indent it",
        ),
        (
            job_with_params(
                "{parameterName: c, type: CATEGORICAL, categoricalValues: [a], scaleType: UNIT_LOG_SCALE}"
            ),
            f"{FIRST}.scaleType: is ignored for a CATEGORICAL parameter",
        ),
        (
            job_with_params("{parameterName: d, type: DISCRETE, discreteValues: [1], maxValue: 3}"),
            f"{FIRST}.maxValue: is ignored for a DISCRETE parameter",
        ),
        (
            job_with(workerCount="2"),
            "job.yaml:1: workerCount: is ignored; it counts only with scaleTier CUSTOM, and this is BASIC",
        ),
        (
            job_with(scaleTier="BASIC_TPU"),
            "job.yaml:1: scaleTier: TPUs are not supported; the trainer gets CPUs alone",
        ),
    ],
)
def test_what_is_odd_is_a_warning_with_its_place(text, warning):
    assert warning in parse_job(text, "job.yaml").warnings


def test_the_first_of_two_equal_keys_counts():
    job = parse_job(job_with_params(PARAM, maxTrials="3\n    maxTrials: 4"), "job.yaml")
    assert job.max_trials == 3


def test_zeros_that_json_writers_add_to_categories_are_no_warning():
    spec = "{parameterName: c, type: CATEGORICAL, categoricalValues: [a], minValue: 0, scaleType: NONE}"
    assert parse_job(job_with_params(spec), "job.yaml").warnings == ()


def test_discrete_values_of_any_order_are_taken_in_increasing_order():
    spec = "{parameterName: d, type: DISCRETE, discreteValues: [0.1, 0.01, 1], scaleType: UNIT_LOG_SCALE}"
    job = parse_job(job_with_params(spec), "job.yaml")
    (parameter,) = job.space.parameters
    assert parameter.values == (0.01, 0.1, 1)
    (warning,) = job.warnings
    assert "discreteValues: are not in increasing order" in warning


def test_control_characters_of_a_name_do_not_reach_the_terminal():
    (warning,) = parse_job(job_with(**{'"a\\e[31m"': "1"}), "job.yaml").warnings
    assert warning.isprintable()


def test_differences_of_two_training_inputs():
    old = parse_job(job_with_params(bounded(), maxTrials=10, goal="MAXIMIZE"), "old.yaml").training_input
    params = bounded(maxValue="3"), bounded(parameterName="b")
    new = parse_job(
        job_with_params(*params, maxTrials=20) + "\n  args: [--a, '1']", "new.yaml"
    ).training_input
    assert sorted(differences(old, new)) == [
        'args: (not given) -> ["--a", "1"]',
        'hyperparameters.goal: "MAXIMIZE" -> (not given)',
        "hyperparameters.maxTrials: 10 -> 20",
        "hyperparameters.params[0].maxValue: 2 -> 3",
        "hyperparameters.params[1]: (not given) -> "
        '{"parameterName": "b", "type": "DOUBLE", "minValue": 1, "maxValue": 2}',
    ]


def test_two_spellings_of_one_job_do_not_differ():
    job = load_job(JOB_FILES / "mnist.yaml")
    as_json = json.dumps({"trainingInput": job.training_input}).replace("0.1", '"1e-1"')
    assert differences(job.training_input, parse_job(as_json, "job.json").training_input) == []


def test_reading_a_job_needs_no_optimiser_or_framework():
    heavy = {"optuna", "tensorflow", "kfp", "numpy", "sklearn"}
    program = f"import sys, hptune.job.tuning_job; print({heavy} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"


NAMES = st.text(
    st.characters(categories=["L", "N", "P", "S"], exclude_characters="\N{ZERO WIDTH NO-BREAK SPACE}"),
    min_size=1,
).filter(lambda name: name != "job-dir" and "=" not in name)
SCALES = st.sampled_from(Scale)


@st.composite
def parameters(draw, name):
    kind = draw(st.sampled_from([Double, Integer, Discrete, Categorical]))
    if kind is Categorical:
        texts = st.text(st.characters(exclude_categories=["C"]), max_size=9)
        return Categorical(name, tuple(draw(st.lists(texts, min_size=1, max_size=5, unique=True))))
    scale = draw(SCALES)
    least = -(2**53) if scale is Scale.LINEAR else 1
    numbers = st.integers(least, 2**53) if kind is Integer else st.floats(least, 1e300)
    if kind is Discrete:
        return Discrete(name, tuple(sorted(draw(st.sets(numbers, min_size=1, max_size=9)))), scale)
    low, high = sorted((draw(numbers), draw(numbers)))
    return kind(name, low, high, scale)


def written(parameter):
    spec = {"parameterName": parameter.name, "type": type(parameter).__name__.upper()}
    if isinstance(parameter, Categorical):
        return {**spec, "categoricalValues": list(parameter.values)}
    spec["scaleType"] = parameter.scale.value
    if isinstance(parameter, Discrete):
        return {**spec, "discreteValues": list(parameter.values)}
    return {**spec, "minValue": parameter.low, "maxValue": parameter.high}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), as_json=st.booleans())
def test_any_space_written_down_reads_back(data, as_json):
    names = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    space = tuple(data.draw(parameters(name)) for name in names)
    training_input = {"hyperparameters": {"params": [written(parameter) for parameter in space]}}
    text = json.dumps(training_input) if as_json else yaml.safe_dump(training_input)
    job = parse_job(text, "job.yaml")
    assert job.space.parameters == space
    assert job.warnings == ()
