"""A job that starts from another one says what it could use of it, and inherits what its file leaves out."""

import json
import shutil
from contextlib import chdir

import pytest
import yaml

from tests.cases.small_jobs import Folder, needs_shared, shared_case
from tests.entry_point import call

PRINT_X = "a, _ = parser.parse_known_args(); print(f'score={a.x}')\n"
X = {"parameterName": "x", "type": "DOUBLE", "minValue": 0.1, "maxValue": 1}


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """The folder `first`, before it is copied for each test."""
    folder = Folder(tmp_path_factory.mktemp("first"))
    folder.write_job(maxTrials=3)
    folder.write_trainer(PRINT_X)
    with chdir(folder.path):
        assert folder.run("first", out="jobs/first").code == 0
    return folder


@pytest.fixture
def first(run_once, folder):
    """A folder where the job `first` has run its three trials."""
    shutil.copytree(run_once.path, folder.path, dirs_exist_ok=True)
    return folder


def run_second(folder, *params, **tuning):
    tuning = {"maxTrials": 1, "resumePreviousJobId": "first", **tuning}
    folder.write_job(*params, name="second.yaml", **tuning)
    return folder.run("second", config="second.yaml", out="jobs/second")


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ([X], "3 of 3 trials of 'first' fit: the suggestions know them"),
        ([{**X, "parameterName": "y"}], "0 of 3 trials of 'first' fit: it has x, this job y"),
        ([X, {**X, "parameterName": "y"}], "0 of 3 trials of 'first' fit: it has no more, this job y"),
        (
            [{**X, "minValue": 2, "maxValue": 3}],
            "0 of 3 trials of 'first' fit: x of the others is out of range",
        ),
    ],
)
def test_it_is_said_how_many_trials_fit_and_why_the_others_do_not(first, params, told):
    ended = run_second(first, *params)
    assert told in ended.err


def answer_of_first():
    """What ML Engine would have answered of `first`, as `hptune describe` prints it."""
    return call("describe jobs/first --format json").out


@pytest.mark.parametrize("name", ["first.json", "first", "first.yaml", "first/results.json"])
@pytest.mark.parametrize("part", ["job", "trainingOutput", "wrapped"])
def test_what_ml_engine_answered_is_an_earlier_job(first, name, part):
    answer = json.loads(answer_of_first())
    output = answer["trainingOutput"]
    content = {"job": answer, "trainingOutput": output, "wrapped": {"trainingOutput": output}}[part]
    shutil.rmtree("jobs/first")
    path = first.path / "jobs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content) if name.endswith("yaml") else json.dumps(content))
    ended = run_second(first)
    assert ended.code == 0, ended.err
    assert "3 of 3 trials of 'first' fit" in ended.err
    record = json.loads((first.path / "jobs/second/hptune/job.json").read_text())
    assert sorted(trial["objective"] for trial in record["earlierTrials"]) == sorted(
        trial["finalMetric"]["objectiveValue"] for trial in output["trials"]
    )


@pytest.mark.parametrize("content", ["", "{", "[1]", "trials: 3", "trainingOutput: {}", "a: &a [*a]"])
def test_a_file_that_is_no_answer_is_refused(first, content):
    shutil.rmtree("jobs/first")
    (first.path / "jobs" / "first.json").write_text(content)
    ended = run_second(first)
    assert ended.code == 2
    assert "jobs/first.json" in ended.err


def test_an_answer_with_another_objective_is_refused(first):
    shutil.rmtree("jobs/first")
    output = {"hyperparameterMetricTag": "loss", "trials": []}
    (first.path / "jobs" / "first.json").write_text(json.dumps({"trainingOutput": output}))
    ended = run_second(first)
    assert ended.code == 2
    assert "'first' has the objective MAXIMIZE loss; this job's is MAXIMIZE score" in ended.err


def test_a_job_that_names_itself_is_told_so(folder):
    folder.write_job(resumePreviousJobId="first")
    folder.write_trainer(PRINT_X)
    ended = folder.run("first", out="jobs/first")
    assert ended.code == 2
    assert "resumePreviousJobId: 'first' is this job itself; name an earlier one or leave it out" in ended.err


def write_continuation(folder, **tuning):
    given = {"maxTrials": 2, "resumePreviousJobId": "first", **tuning}
    (folder.path / "next.yaml").write_text(yaml.safe_dump({"hyperparameters": given}))


@pytest.mark.parametrize("kept_as", ["directory", "answer"])
def test_parameters_goal_and_tag_are_inherited(folder, kept_as):
    folder.write_job(maxTrials=2, goal="MINIMIZE")
    folder.write_trainer(PRINT_X)
    assert folder.run("first", out="jobs/first").code == 0
    if kept_as == "answer":
        answer = answer_of_first()
        shutil.rmtree("jobs/first")
        (folder.path / "jobs" / "first.json").write_text(answer)
    write_continuation(folder)
    ended = folder.run("next", config="next.yaml", out="jobs/next")
    assert ended.code == 0, ended.err
    assert "2 of 2 trials of 'first' fit" in ended.err
    assert "next: minimize score" in ended.out
    # It is taken up without the other, too.
    shutil.rmtree("jobs/first", ignore_errors=True)
    again = folder.run("next", config="next.yaml", out="jobs/next")
    assert again.code == 0, again.err
    assert "nothing was run" in again.err


def test_what_the_file_has_itself_is_not_inherited(first):
    write_continuation(first, hyperparameterMetricTag="loss")
    ended = first.run("next", config="next.yaml", out="jobs/next")
    assert ended.code == 2
    assert "this job's is MAXIMIZE loss" in ended.err


def test_without_the_earlier_job_it_is_said_where_it_was_looked_for(folder):
    write_continuation(folder)
    folder.write_trainer(PRINT_X)
    ended = folder.run("next", config="next.yaml", out="jobs/next")
    assert ended.code == 2
    assert "there is no job 'first' beside this one to inherit them from" in ended.err


@needs_shared
def test_the_shared_jobs_say_what_fits(tmp_path, monkeypatch):
    case = shared_case("resume", tmp_path)
    monkeypatch.chdir(case.path)
    assert case.run("first", config="first.yaml", out="jobs/first").code == 0
    for name, told in (
        ("same", "4 of 4 trials of 'first' fit"),
        ("renamed", "0 of 4 trials of 'first' fit: it has lr, this job learning-rate"),
        ("old", "4 of 4 trials of 'mlengine' fit"),
    ):
        case.with_max_trials(f"{name}.yaml", 1)
        ended = case.run(name, config=f"{name}.yaml", out=f"jobs/{name}")
        assert ended.code == 0, ended.err
        assert told in ended.err


@needs_shared
def test_the_shared_job_without_params_inherits_them(tmp_path, monkeypatch):
    case = shared_case("resume_without_params", tmp_path)
    monkeypatch.chdir(case.path)
    task = case.path / "trainer" / "task.py"
    task.write_text(task.read_text().replace("time.sleep(1)", "time.sleep(0)"))
    assert case.run("first", config="hptune.yaml", out="jobs/first").code == 0
    for name in ("full", "continue"):
        ended = case.run(name, config=f"{name}.yaml", out=f"jobs/{name}")
        assert ended.code == 0, ended.err
        assert "4 of 4 trials of 'first' fit" in ended.err
