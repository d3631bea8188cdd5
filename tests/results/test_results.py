import io
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from rich.console import Console

from hptune.console.yaml_text import to_yaml
from hptune.results.ml_engine import job_output, to_json, training_output
from hptune.results.study import Goal, JobState, JobStatus, Measurement, Study, Trial, TrialState
from hptune.results.tables import format_duration, summary_table
from hptune.results.trial_table import TrialTable

START = datetime(2018, 5, 9, 12, 0, 0, tzinfo=UTC)


def trial(trial_id, objective=None, step=0, state=TrialState.SUCCEEDED, **fields):
    final = None if objective is None else Measurement(objective, step)
    fields = {"parameters": {"lr": 0.1}, **fields}
    return Trial(trial_id, state=state, final=final, **fields)


def study(*trials, goal=Goal.MAXIMIZE, metric="accuracy", name="mnist"):
    return Study(name, metric, goal, len(trials), trials)


def ids(result):
    return [each["trialId"] for each in result["trials"]]


def status(job_study, **fields):
    fields = {
        "state": JobState.SUCCEEDED,
        "message": "",
        "training_input": {"scaleTier": "BASIC"},
        "create_time": START,
        "end_time": START + timedelta(minutes=1),
        **fields,
    }
    return JobStatus(study=job_study, **fields)


def shown(table, width=120):
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_a_trial_looks_as_ml_engine_returned_it():
    one = trial(
        5,
        0.0254,
        1007,
        parameters={"lr": 0.0721, "num-steps": 10000, "optimizer": "adam"},
        start_time=START,
        end_time=START + timedelta(seconds=90.5),
    )
    assert training_output(study(one)) == {
        "completedTrialCount": "1",
        "trials": [
            {
                "trialId": "5",
                "hyperparameters": {"lr": "0.0721", "num-steps": "10000", "optimizer": "adam"},
                "finalMetric": {"trainingStep": "1007", "objectiveValue": 0.0254},
                "startTime": "2018-05-09T12:00:00.000000Z",
                "endTime": "2018-05-09T12:01:30.500000Z",
                "state": "SUCCEEDED",
            }
        ],
        "isHyperparameterTuningJob": True,
        "hyperparameterMetricTag": "accuracy",
    }


@pytest.mark.parametrize(("goal", "order"), [(Goal.MAXIMIZE, "2 1 3 4"), (Goal.MINIMIZE, "4 1 3 2")])
def test_the_best_comes_first_and_equal_ones_in_order_of_their_ids(goal, order):
    values = [trial(1, 0.5), trial(2, 0.9), trial(3, 0.5), trial(4, -2.0)]
    assert ids(training_output(study(*values, goal=goal))) == order.split()


@pytest.mark.parametrize("goal", Goal)
def test_trials_without_an_objective_come_last_and_have_no_final_metric(goal):
    failed = trial(1, state=TrialState.FAILED, message="exited with code 1")
    silent = trial(2, message="reported no 'accuracy'")
    result = training_output(study(failed, silent, trial(3, 0.0), goal=goal))
    assert ids(result) == ["3", "1", "2"]
    assert [each["state"] for each in result["trials"]] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert ["finalMetric" in each for each in result["trials"]] == [True, False, False]
    assert result["completedTrialCount"] == "2"


def test_the_stopped_and_only_they_say_so():
    result = training_output(study(trial(1, 0.9), trial(2, 0.1, stopped_early=True)))
    assert ["isTrialStoppedEarly" in each for each in result["trials"]] == [False, True]
    assert result["trials"][1]["isTrialStoppedEarly"] is True


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1 / 3, "0.33333333333333331"),
        (1e-05, "1e-05"),
        (100.0, "100"),
        (2**53, "9007199254740992"),
        ("64,16", "64,16"),
        ("[bold]", "[bold]"),
    ],
)
def test_hyperparameters_are_strings_with_15_digits_or_17_where_they_are_needed(value, text):
    result = training_output(study(trial(1, 0.5, parameters={"p": value})))
    assert result["trials"][0]["hyperparameters"] == {"p": text}
    if isinstance(value, float):
        assert float(text) == value


def test_the_whole_answer_is_json_without_nan_even_where_a_trainer_reported_one():
    diverged = trial(
        1, measurements=(Measurement(math.nan, 1),), message="accuracy was nan", state=TrialState.FAILED
    )
    answer = job_output(status(study(diverged, trial(2, 0.5)), state=JobState.FAILED, message="too many"))

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads(to_json(answer), parse_constant=refuse)
    assert read == answer
    assert (read["jobId"], read["state"], read["errorMessage"]) == ("mnist", "FAILED", "too many")
    assert (read["createTime"], read["endTime"]) == (
        "2018-05-09T12:00:00.000000Z",
        "2018-05-09T12:01:00.000000Z",
    )


def test_a_job_that_runs_has_no_end_and_no_error():
    answer = job_output(status(study(trial(1, 0.5)), state=JobState.RUNNING, end_time=None))
    assert not {"endTime", "errorMessage"} & set(answer)


def test_a_job_that_runs_says_how_far_it_is_and_what_its_trials_have_measured():
    curve = (Measurement(0.2, 1), Measurement(math.nan, 2), Measurement(0.4, 3))
    begun = {"start_time": START, "measurements": curve}
    running = trial(3, state=TrialState.RUNNING, parameters={"lr": 0.5}, **begun)
    done = trial(1, 0.5, end_time=START + timedelta(seconds=60), **begun)
    died = trial(2, state=TrialState.FAILED, message="exited with code 1: KeyError: 'x'")
    job = replace(study(done, died, running), max_trials=4)
    now = START + timedelta(seconds=90)
    answer = job_output(status(job, state=JobState.RUNNING, end_time=None, start_time=START), now)
    assert answer["progress"] == {
        "finishedTrialCount": "2",
        "trialCount": "4",
        "bestTrialId": "1",
        "elapsedSeconds": 90,
        "leftSeconds": 60,
    }
    first, failed, last = answer["trainingOutput"]["trials"]
    assert "allMetrics" not in first
    assert failed["message"] == "exited with code 1: KeyError: 'x'"
    assert last["allMetrics"] == [
        {"trainingStep": "1", "objectiveValue": 0.2},
        {"trainingStep": "3", "objectiveValue": 0.4},
    ]
    assert json.loads(to_json(answer)) == answer
    assert "progress" not in job_output(status(job))


def test_yaml_has_its_keys_in_alphabetical_order_and_reads_as_the_json_does():
    answer = job_output(status(study(trial(1, 0.5, 10, parameters={"z": "yes", "a": 1e-05}))))
    text = to_yaml(answer)
    assert yaml.safe_load(text) == json.loads(to_json(answer))
    top = [line.partition(":")[0] for line in text.splitlines() if line[0].isalpha()]
    assert (
        top == sorted(top) == ["createTime", "endTime", "jobId", "state", "trainingInput", "trainingOutput"]
    )
    assert text.index("a: '1e-05'") < text.index("z: 'yes'")


def test_the_table_of_a_small_study():
    trials = [
        trial(1, 0.9314159, 200, parameters={"lr": 0.0123456, "num-steps": 200}),
        trial(2, 0.95, 7658, parameters={"lr": 0.1, "num-steps": 7658}, stopped_early=True),
        trial(3, None, parameters={"lr": 1e-05, "num-steps": 10}, state=TrialState.FAILED, message="died"),
        trial(4, None, parameters={"lr": 0.5}, state=TrialState.RUNNING, start_time=START),
    ]
    timed = [
        replace(each, start_time=START, end_time=START + timedelta(seconds=65 * each.id))
        for each in trials[:3]
    ]
    assert (
        shown(TrialTable(study(*timed, trials[3])))
        == """\
mnist: maximize accuracy
┏━━━━━━━┳━━━━━━━━━━┳━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ trial ┃ accuracy ┃ step ┃      lr ┃ num-steps ┃   duration ┃ state         ┃
┡━━━━━━━╇━━━━━━━━━━╇━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│     2 │     0.95 │ 7658 │     0.1 │      7658 │ 2 min 10 s │ stopped early │
│     1 │ 0.931416 │  200 │ 0.01235 │       200 │ 1 min 05 s │ SUCCEEDED     │
│     3 │        - │    - │   1e-05 │        10 │ 3 min 15 s │ FAILED: died  │
│     4 │        - │    - │     0.5 │         - │          - │ RUNNING       │
└───────┴──────────┴──────┴─────────┴───────────┴────────────┴───────────────┘"""
    )


def test_brackets_are_shown_as_they_are():
    odd = trial(
        1,
        0.5,
        parameters={"units[0]": "[64,[bold]16]"},
        message="KeyError: '[red]x[/red]'",
        state=TrialState.FAILED,
    )
    text = shown(TrialTable(study(odd, metric="acc[val]", name="a[b]")))
    for literal in ("units[0]", "[64,[bold]16]", "'[red]x[/red]'", "acc[val]", "a[b]: maximize"):
        assert literal in text


def test_what_does_not_fit_is_left_out_by_whole_columns_and_named():
    parameters = {f"parameter_{number}": 10.25 + number for number in range(14)}
    lost = trial(2, parameters=parameters, message="no such file", state=TrialState.FAILED)
    lines = shown(TrialTable(study(trial(1, 0.5, parameters=parameters), lost)), width=80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    title, header, first, second, message, *rest = lines
    assert (title, message) == ("mnist: maximize accuracy", "trial 2 FAILED: no such file")
    count = sum(word.startswith("parameter") for word in header.split())
    assert count >= 2
    assert header.endswith(f"+{14 - count} more")
    assert first.split()[-count:] == second.split()[-count:] == ["10.25", "11.25", "12.25"][:count]
    named = " ".join(rest).partition(";")[0].removeprefix("not shown: ")
    assert named.split(", ") == list(parameters)[count:]


def test_a_long_message_leaves_the_values_whole():
    parameters = {f"parameter_{i}": 10.25 + i for i in range(14)}
    odd = trial(1, parameters=parameters, message="no such file " * 20, state=TrialState.FAILED)
    lines = shown(TrialTable(study(odd)), width=1000).splitlines()
    first = next(line for line in lines if line.startswith("│"))
    assert [float(cell) for cell in first.split("│")[4:18]] == list(parameters.values())
    assert len(lines[1]) < 400


def test_the_summary_has_gclouds_columns():
    text = shown(summary_table(study(trial(1, 0.5, 10), trial(2, 0.75, 20), trial(3))))
    assert [line.split() for line in text.splitlines()] == [
        ["TRIAL", "OBJECTIVE_VALUE", "STEP"],
        ["2", "0.75", "20"],
        ["1", "0.5", "10"],
        ["3", "-", "-"],
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7810, "2 h 10 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds, text):
    assert format_duration(seconds) == text
