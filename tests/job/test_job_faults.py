import contextlib
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hptune.errors import JobFileError
from hptune.job.tuning_job import MAX_FILE_BYTES, TuningJob, load_job, parse_job
from tests.job_texts import PARAM, bounded, job_with, job_with_params

JOB_FILES = Path(__file__).parent / "job_files"


def faults_of(text):
    with pytest.raises(JobFileError) as caught:
        parse_job(textwrap.dedent(text), "job.yaml")
    return caught.value.faults


# Documents that are no tuning job at all: one fault, with its line.
NOT_A_JOB = [
    ("", "job.yaml", "is empty; must hold trainingInput"),
    ("# nothing yet\n", "job.yaml", "is empty"),
    ("null\n", "job.yaml", "is empty"),
    ("- a\n- b\n", "job.yaml:1", "is a list; must be a mapping"),
    ("just words\n", "job.yaml:1", "is 'just words'; must be a mapping"),
    ("a: 1\ntrainingInput: 3\n", "job.yaml:2: trainingInput", "is 3; must be a mapping"),
    ("a: 1\n---\nb: 2\n", "job.yaml:2", "a second document begins here"),
    ("a:\n\tb: 1\n", "job.yaml:2", "a tab indents this line"),
    ("a: 1\n \tb: 1\n", "job.yaml:2", "a tab indents this line"),
    ("a: [1, 2\nb: 3\n", "job.yaml:2", "not valid YAML: expected ',' or ']'"),
    ("a:\n  b: 1\n c: 2\n", "job.yaml:3", "the indentation does not line up"),
    ("a: 1\n   b: 2\n", "job.yaml:2", "a ':' is not allowed here"),
    ("a: {b: 1}\nword\nc: 1\n", "job.yaml:3", "has no ':' after its name"),
    ("a: 'open\n", "job.yaml:2", "a quoted text has no closing quote (in what begins on line 1"),
    ("a: @b\n", "job.yaml:1", "'@' that cannot start any token"),
    ("a: 1\nb: \x07\n", "job.yaml:2", "control character '\\x07'"),
    ('a: "\\ud83d"\n', "job.yaml:1", "surrogate"),
    ("a: *nobody\n", "job.yaml:1", "undefined alias 'nobody'"),
    (
        "a: 1\nb: !!python/object/apply:os.system [ls]\n",
        "job.yaml:2",
        "!!python/object/apply:os.system' is not",
    ),
    ("a: !!binary aGk=\n", "job.yaml:1", "YAML tag '!!binary' is not allowed"),
    ("a: !mine 1\n", "job.yaml:1", "YAML tag '!mine' is not allowed"),
    ("minValue: {{ low }}\n", "job.yaml:1", "a template not filled in?"),
    ("<<: 3\n", "job.yaml:1", "'<<' must merge a mapping"),
    ("a: &a [*a]\n", "job.yaml:1", "once the aliases are expanded"),
    ("a: &a {<<: *a}\n", "job.yaml:1", "once the aliases are expanded"),
    ("[" * 3000, "job.yaml:1", "nested more than 50 levels deep"),
    (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "job.yaml:1",
        "more than 100000 values",
    ),
]

# A single fault inside a job: line, field and what is allowed.
AT = "job.yaml:4: trainingInput.hyperparameters.params[0]"
ONE_FAULT = [
    (
        "trainingInput:\n",
        "job.yaml:1: trainingInput.hyperparameters",
        "is missing; a tuning job needs at least params",
    ),
    ("scaleTier: BASIC\n#hyperparameters:\n", "job.yaml:1: hyperparameters", "is missing"),
    (
        "trainingInput:\nhyperparameters: {params: []}\n",
        "job.yaml:1: trainingInput.hyperparameters",
        "line 2 has it outside trainingInput; indent it",
    ),
    (
        "hyperparameterz: {}\n",
        "job.yaml:1: hyperparameters",
        "is 'hyperparameterz' on line 1 meant to be it?",
    ),
    ("hyperparameters: []\n", "job.yaml:1: hyperparameters", "is a list; must be a mapping"),
    (
        "hyperparameters: {maxTrials: 3}\n",
        "job.yaml:1: hyperparameters.params",
        "must list at least one parameter",
    ),
    (
        "hyperparameters: {params: []}\n",
        "job.yaml:1: hyperparameters.params",
        "is empty; must list at least one parameter",
    ),
    (
        "hyperparameters: {params: {a: 1}}\n",
        "job.yaml:1: hyperparameters.params",
        "is a mapping; must be a list",
    ),
    (
        "hyperparameters: {params: [lr]}\n",
        "job.yaml:1: hyperparameters.params[0]",
        "is 'lr'; must be a mapping",
    ),
    (
        "hyperparameters: {params: [~]}\n",
        "job.yaml:1: hyperparameters.params[0]",
        "is null; must be a mapping",
    ),
    (job_with_params(bounded(parameterName=None)), f"{AT}.parameterName", "every parameter needs a name"),
    (
        job_with_params(bounded(parameterName="''")),
        f"{AT}.parameterName",
        "is ''; must be a name without spaces",
    ),
    (job_with_params(bounded(parameterName="a b")), f"{AT}.parameterName", "is 'a b'; must be a name"),
    (job_with_params(bounded(parameterName="a=b")), f"{AT}.parameterName", "is 'a=b'; must be a name"),
    (job_with_params(bounded(parameterName='"a\\n"')), f"{AT}.parameterName", "is 'a\\n'; must be a name"),
    (job_with_params(bounded(parameterName="[a]")), f"{AT}.parameterName", "is a list; must be text"),
    (job_with_params(bounded(parameterName="job-dir")), f"{AT}.parameterName", "must be another name"),
    (job_with_params(bounded(type=None)), f"{AT}.type", "must be DOUBLE, INTEGER, CATEGORICAL or DISCRETE"),
    (job_with_params(bounded(type="FLOAT")), f"{AT}.type", "is 'FLOAT'; must be DOUBLE or INTEGER"),
    (job_with_params(bounded(type="5")), f"{AT}.type", "is 5; must be DOUBLE"),
    (job_with_params(bounded(type="0")), f"{AT}.type", "is PARAMETER_TYPE_UNSPECIFIED; must be DOUBLE"),
    (
        job_with_params(bounded(minValue=None)),
        f"{AT}.minValue",
        "is missing; must be a finite number for a DOUBLE",
    ),
    (job_with_params(bounded(maxValue="null")), f"{AT}.maxValue", "is missing; must be a finite number"),
    (
        job_with_params(bounded(minValue=None, minVal="1")),
        f"{AT}.minValue",
        "is 'minVal' on line 4 meant to be it?",
    ),
    (job_with_params(bounded(minValue="low")), f"{AT}.minValue", "is 'low'; must be a finite number"),
    (job_with_params(bounded(maxValue=".inf")), f"{AT}.maxValue", "is '.inf'; must be a finite number"),
    (job_with_params(bounded(maxValue="1e999")), f"{AT}.maxValue", "must be a finite number"),
    (job_with_params(bounded(maxValue="9" * 5000)), f"{AT}.maxValue", "must be a finite number"),
    (job_with_params(bounded(minValue=".nan")), f"{AT}.minValue", "is '.nan'; must be a finite number"),
    (job_with_params(bounded(minValue="[1]")), f"{AT}.minValue", "is a list; must be a finite number"),
    (job_with_params(bounded(maxValue="0.5")), f"{AT}.maxValue", "is 0.5; must be at least minValue (1)"),
    (
        job_with_params(bounded(type="INTEGER", minValue="1.5")),
        f"{AT}.minValue",
        "is 1.5; must be a whole number",
    ),
    (
        job_with_params(bounded(type="INTEGER", maxValue="1e300")),
        f"{AT}.maxValue",
        "is 1e+300; must be a whole",
    ),
    (
        job_with_params(bounded(minValue="0", scaleType="UNIT_LOG_SCALE")),
        f"{AT}.minValue",
        "0 is not allowed with UNIT_LOG_SCALE (must be > 0)",
    ),
    (
        job_with_params(bounded(type="INTEGER", minValue="-1", scaleType="UNIT_REVERSE_LOG_SCALE")),
        f"{AT}.minValue",
        "-1 is not allowed with UNIT_REVERSE_LOG_SCALE (must be > 0)",
    ),
    (
        job_with_params(bounded(scaleType="LOG")),
        f"{AT}.scaleType",
        "is 'LOG'; must be NONE or UNIT_LINEAR_SCALE",
    ),
    (
        job_with_params("{parameterName: d, type: DISCRETE, minValue: 1, maxValue: 2}"),
        f"{AT}.discreteValues",
        "must hold at least one number",
    ),
    (
        job_with_params("{parameterName: d, type: DISCRETE, discreteValues: []}"),
        f"{AT}.discreteValues",
        "is empty; must hold at least one number",
    ),
    (
        job_with_params("{parameterName: d, type: DISCRETE, discreteValues: [1, 2, 1]}"),
        f"{AT}.discreteValues[2]",
        "1 is given twice; must be given once",
    ),
    (
        job_with_params("{parameterName: d, type: DISCRETE, discreteValues: [1, two]}"),
        f"{AT}.discreteValues[1]",
        "is 'two'; must be a finite number",
    ),
    (
        job_with_params(f"{{parameterName: d, type: DISCRETE, discreteValues: {list(range(1001))}}}"),
        f"{AT}.discreteValues",
        "holds 1001 numbers; must hold at most 1000",
    ),
    (
        job_with_params(
            "{parameterName: d, type: DISCRETE, discreteValues: [0, 1], scaleType: UNIT_LOG_SCALE}"
        ),
        f"{AT}.discreteValues[0]",
        "0 is not allowed with UNIT_LOG_SCALE",
    ),
    (
        job_with_params("{parameterName: c, type: CATEGORICAL}"),
        f"{AT}.categoricalValues",
        "must hold at least one text",
    ),
    (
        job_with_params("{parameterName: c, type: CATEGORICAL, categoricalValues: [a, b, a]}"),
        f"{AT}.categoricalValues",
        "holds 'a' 2 times; must hold each value once",
    ),
    (
        job_with_params("{parameterName: c, type: CATEGORICAL, categoricalValues: [a, ~]}"),
        f"{AT}.categoricalValues[1]",
        "is null; must be text (in quotes)",
    ),
    (
        job_with_params(PARAM, PARAM),
        "job.yaml:5: trainingInput.hyperparameters.params[1].parameterName",
        "is 'lr', the name of params[0] too; must be unique",
    ),
]
TUNING = "job.yaml:3: trainingInput.hyperparameters"
ONE_FAULT += [
    (job_with_params(PARAM, **{name: value}), f"{TUNING}.{name}", fragment)
    for name, value, fragment in [
        ("goal", "MAX", "is 'MAX'; must be MAXIMIZE or MINIMIZE"),
        ("goal", "3", "is 3; must be MAXIMIZE or MINIMIZE"),
        ("maxTrials", "-1", "is -1; must be a whole number from 0"),
        ("maxTrials", "ten", "is 'ten'; must be a whole number"),
        ("maxTrials", "1.5", "is 1.5; must be a whole number"),
        ("maxTrials", "true", "is 'true'; must be a whole number"),
        ("maxTrials", "3000000000", "must be a whole number from 0 to 2147483647"),
        ("maxParallelTrials", "-2", "is -2; must be a whole number"),
        ("maxFailedTrials", "many", "is 'many'; must be a whole number"),
        ("enableTrialEarlyStopping", "maybe", "is 'maybe'; must be true or false"),
        ("hyperparameterMetricTag", "''", "is ''; must be the tag of the objective"),
        ("hyperparameterMetricTag", '"a\\nb"', "is 'a\\nb'; must be the tag of the objective"),
        ("algorithm", "BAYES", "is 'BAYES'; must be ALGORITHM_UNSPECIFIED or GRID_SEARCH"),
        (
            "algorithm",
            "POPULATION_BASED_TRAINING",
            "not supported; must be ALGORITHM_UNSPECIFIED (Bayesian), GRID",
        ),
        ("resumePreviousJobId", "[a]", "is a list; must be text"),
    ]
]
ONE_FAULT += [
    (
        job_with_params(PARAM, algorithm="GRID_SEARCH"),
        "job.yaml:5: trainingInput.hyperparameters.params[0].type",
        "is DOUBLE; must be INTEGER, CATEGORICAL or DISCRETE with algorithm GRID_SEARCH",
    ),
    (job_with(scaleTier="BASICS"), "job.yaml:1: scaleTier", "is 'BASICS'; must be BASIC, STANDARD_1"),
    (job_with(scaleTier="CUSTOM"), "job.yaml:1: masterType", "is missing; scaleTier CUSTOM needs one"),
    (job_with(masterType="standart_gpu"), "job.yaml:1: masterType", "did you mean standard_gpu?"),
    (
        job_with(
            masterType="n1-standard-8", masterConfig="{acceleratorConfig: {count: 3, type: NVIDIA_TESLA_T4}}"
        ),
        "job.yaml:2: masterConfig.acceleratorConfig.count",
        "is 3; must be one of 1, 2, 4",
    ),
    (job_with(masterConfig="gpu"), "job.yaml:1: masterConfig", "is 'gpu'; must be a mapping"),
    (job_with(pythonModule="-c"), "job.yaml:1: pythonModule", "is '-c'; must be a module's name"),
    (job_with(args="[--a: 1]"), "job.yaml:1: args[0]", "is a mapping; must be text"),
    (job_with(args="{--a: 1}"), "job.yaml:1: args", "is a mapping; must be a list"),
    (job_with(workerCount="two"), "job.yaml:1: workerCount", "is 'two'; must be a whole number"),
    (
        job_with(scheduling="{maxRunningTime: 2h}"),
        "job.yaml:1: scheduling.maxRunningTime",
        "is '2h'; must be seconds",
    ),
    (
        job_with(scheduling="{maxRunningTime: 0s}"),
        "job.yaml:1: scheduling.maxRunningTime",
        "is '0s'; must be seconds",
    ),
]


@pytest.mark.parametrize(("text", "place", "fragment"), NOT_A_JOB + ONE_FAULT)
def test_bad_job_file_has_one_fault_with_its_place_and_what_is_allowed(text, place, fragment):
    (fault,) = faults_of(text)
    assert fault.place == place
    assert fragment in fault.problem


def test_every_fault_is_reported_in_the_order_of_the_lines():
    text = """\
        trainingInput:
          scaleTier: CUSTOM
          hyperparameters:
            goal: UP
            params:
              - parameterName: lr
                type: DOUBLE
                minValue: 0
                maxValue: high
                scaleType: UNIT_LOG_SCALE
              - sigma
              - parameterName: lr
                type: CATEGORICAL
          args: {a: b}
        """
    assert [(fault.place.split(":")[1], fault.place.rsplit(".", 1)[-1]) for fault in faults_of(text)] == [
        ("1", "masterType"),
        ("4", "goal"),
        ("8", "minValue"),
        ("9", "maxValue"),
        ("11", "params[1]"),
        ("12", "categoricalValues"),
        ("12", "parameterName"),
        ("14", "args"),
    ]


@pytest.mark.parametrize(
    ("name", "place", "fragment"),
    [
        ("absent.yaml", "", "there is no such file"),
        (".", "", "is a directory"),
        ("latin1.yaml", ":2", "byte 0xe9 is not UTF-8"),
        ("broken_indentation.yaml", ":5", "the indentation does not line up"),
    ],
)
def test_file_that_cannot_be_read(name, place, fragment):
    path = JOB_FILES / name
    with pytest.raises(JobFileError) as caught:
        load_job(path)
    (fault,) = caught.value.faults
    assert fault.place == f"{path}{place}"
    assert fragment in fault.problem


def test_file_of_another_kind_is_refused_by_its_size(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    with pytest.raises(JobFileError, match="is larger than 262144 bytes"):
        load_job(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_to_a_job_file_is_read_or_refused(data):
    text = (JOB_FILES / data.draw(st.sampled_from(["mnist.yaml", "strings_and_tabs.json"]))).read_text()
    start, end = sorted(data.draw(st.integers(0, len(text))) for _ in range(2))
    inserted = data.draw(st.text(st.sampled_from("{}[]:,-&*!|>%@'\"\\ \t\n\x00~<?#10e"), max_size=4))
    with contextlib.suppress(JobFileError):
        job = parse_job(text[:start] + inserted + text[min(end, start + 9) :], "job.yaml")
        assert isinstance(job, TuningJob)


def test_a_training_input_that_an_environment_variable_cannot_hold_is_refused():
    (fault,) = faults_of(job_with(args=["word" * 250] * 110))
    assert fault.place == "job.yaml"
    assert "characters long as JSON; must be at most 100000" in fault.problem


def test_of_thousands_of_faults_fifty_are_shown_and_all_are_there():
    with pytest.raises(JobFileError) as caught:
        parse_job(job_with_params(*["{parameterName: '', type: DOUBLE}"] * 1000), "job.yaml")
    assert len(caught.value.faults) > 1000
    *shown, last = str(caught.value).splitlines()
    assert len(shown) == 50
    assert last == f"and {len(caught.value.faults) - 50:,} more"
