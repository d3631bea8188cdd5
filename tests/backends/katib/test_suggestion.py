"""What the suggestion service answers, over a real channel."""

import json
import math
import time

import grpc
import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from suggestion_server import (
    MIXED,
    MIXED_SETTINGS,
    KatibStandIn,
    Status,
    experiment,
    finish,
    parameter,
    running,
    values,
)

from hptune.backends.katib.suggestion import api_pb2 as api
from hptune.search.bandit import GPBanditSampler
from hptune.search.encoding import distributions
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, SearchSpace, format_values

UNIT = (parameter("x", api.DOUBLE, "0", "1"), parameter("y", api.DOUBLE, "0", "1"))
LOCAL_MIXED = SearchSpace(
    (
        Double("lr", 0.001, 0.1, Scale.LOG),
        Double("momentum", 0.5, 0.999, Scale.REVERSE_LOG),
        Integer("layers", 1, 4),
        Discrete("batch", (32.0, 64.0, 256.0), Scale.LOG),
        Categorical("optimizer", ("adam", "sgd", "64%2C16")),
    )
)


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


def accuracy(params):
    return -abs(math.log10(float(params["lr"])) + 2.0) - float(params["momentum"]) * float(params["layers"])


@pytest.mark.parametrize(
    ("goal", "direction", "max_trials"),
    [(api.MAXIMIZE, StudyDirection.MAXIMIZE, 9), (api.MINIMIZE, StudyDirection.MINIMIZE, 2)],
)
def test_a_job_gets_the_local_samplers_suggestions(server, goal, direction, max_trials):
    katib = KatibStandIn(experiment(MIXED, {**MIXED_SETTINGS, "seed": "5"}, goal, max_trials))
    sampler = GPBanditSampler(seed=5, space=LOCAL_MIXED, max_trials=max_trials)
    known = distributions(LOCAL_MIXED)
    local = []
    for number in range(9):
        expected = sampler.suggest(local, number=number, direction=direction, search_space=known)
        [trial] = katib.take(server.get(katib.request(1)))
        texts = values(trial)
        spelled = format_values(expected) | {"fixed": "7"}
        assert texts == spelled | ({"batch": "6.4e1"} if spelled["batch"] == "64" else {})
        objective = accuracy(texts)
        failed = number in (2, 5)
        finish(trial, "NaN" if failed else repr(objective))
        local.append(
            create_trial(
                params=expected,
                distributions=known,
                state=TrialState.FAIL if failed else TrialState.COMPLETE,
                value=None if failed else objective,
            )
        )
        local[-1].number = number


@pytest.mark.parametrize("max_trials", [3, 12])
def test_trials_that_run_at_once_get_the_local_samplers_suggestions(server, max_trials):
    """With a first point and each way that a trial can end, started in another order than suggested."""
    first = {"lr": 0.002, "momentum": 0.9, "layers": 2, "batch": 256.0, "optimizer": "sgd"}
    settings = MIXED_SETTINGS | {
        "trial_names": "numbered",
        "first_points": json.dumps([format_values(first)]),
    }
    katib = KatibStandIn(experiment(MIXED, settings, api.MINIMIZE, max_trials))
    sampler = GPBanditSampler(seed=0, space=LOCAL_MIXED, max_trials=max_trials, first_points=[first])
    known = distributions(LOCAL_MIXED)
    local = []
    endings = [Status.METRICSUNAVAILABLE, Status.SUCCEEDED, Status.FAILED, Status.EARLYSTOPPED, Status.KILLED]
    for number in range(12):
        expected = sampler.suggest(
            local, number=number, direction=StudyDirection.MINIMIZE, search_space=known
        )
        [trial] = katib.take(server.get(katib.request(1)))
        assert {k: float(v) if k == "batch" else v for k, v in values(trial).items()} == {
            **format_values(expected),
            "batch": expected["batch"],
            "fixed": "7",
        }
        trial.status.start_time = f"2030-01-01T00:00:{59 - number}Z"
        local.append(create_trial(params=expected, distributions=known, state=TrialState.RUNNING))
        local[-1].number = number
        if number >= 2:
            # The third newest ends, two run on.
            ended, ending = number - 2, endings[number % len(endings)]
            measured = ending in (Status.SUCCEEDED, Status.EARLYSTOPPED)
            objective = -accuracy(values(katib.trials[ended])) if measured else None
            finish(katib.trials[ended], repr(objective) if measured else None, ending)
            local[ended] = create_trial(
                params=local[ended].params,
                distributions=known,
                state=TrialState.COMPLETE if measured else TrialState.FAIL,
                value=objective,
            )
            local[ended].number = ended
    assert values(katib.trials[0])["optimizer"] == "sgd"


def test_a_batch_is_as_large_as_asked_and_has_no_point_twice(server):
    katib = KatibStandIn(experiment(MIXED))
    for size in (4, 3, 0, 1):
        reply = server.get(katib.request(size))
        assert len(reply.parameter_assignments) == size
        for trial in katib.take(reply)[:2]:
            finish(trial, repr(accuracy(values(trial))))
    points = [tuple(sorted(values(trial).items())) for trial in katib.trials]
    assert len(set(points)) == len(points) == 8
    for point in map(dict, points):
        assert point.keys() == {spec.name for spec in MIXED}
        assert point["batch"] in ("256", "32", "6.4e1")
        assert point["optimizer"] in ("adam", "sgd", "64%2C16")
        assert 1 <= int(point["layers"]) <= 4


def test_a_batch_is_what_asking_one_by_one_gives(server):
    at_once, one_by_one = KatibStandIn(experiment(MIXED)), KatibStandIn(experiment(MIXED))
    at_once.take(server.get(at_once.request(4)))
    for _ in range(4):
        one_by_one.take(server.get(one_by_one.request(1)))
    assert [values(trial) for trial in at_once.trials] == [values(trial) for trial in one_by_one.trials]


def test_a_restart_and_a_repeated_request_change_nothing(server):
    katib = KatibStandIn(experiment(MIXED, {"seed": "1"}))
    for number in range(4):
        [trial] = katib.take(server.get(katib.request(1)))
        finish(trial, repr(number * 0.1))
    request = katib.request(3)
    reply = server.get(request)
    assert server.get(request) == reply
    with running() as another:
        assert another.get(request) == reply


def test_another_seed_gives_other_suggestions(server):
    drawn = []
    for settings in ({}, {"seed": "0"}, {"seed": "3"}):
        katib = KatibStandIn(experiment(UNIT, settings))
        drawn.append([values(trial) for trial in katib.take(server.get(katib.request(3)))])
    assert drawn[0] == drawn[1] != drawn[2]


def test_it_finds_the_optimum_with_failed_and_stopped_trials_among_the_others(server):
    katib = KatibStandIn(experiment(UNIT, goal=api.MINIMIZE, max_trials=16))
    for number in range(16):
        [trial] = katib.take(server.get(katib.request(1)))
        x, y = (float(text) for text in values(trial).values())
        loss = (x - 0.7) ** 2 + (y - 0.2) ** 2
        condition = (
            (Status.FAILED if number % 5 == 4 else Status.EARLYSTOPPED) if x > 0.9 else Status.SUCCEEDED
        )
        finish(trial, None if condition == Status.FAILED else repr(loss), condition)
        trial.status.observation.metrics.add(name="other", value="0")
    best = [values(trial) for trial in katib.trials[-4:]]
    assert any(math.dist((float(b["x"]), float(b["y"])), (0.7, 0.2)) < 0.05 for b in best)


@pytest.mark.parametrize("text", ["unavailable", "", "nan", "-inf"])
def test_an_objective_that_is_no_number_counts_as_a_failure(server, text):
    replies = []
    for objective, condition in ((text, Status.SUCCEEDED), ("1.0", Status.FAILED), (None, Status.KILLED)):
        katib = KatibStandIn(experiment(UNIT))
        for trial, value in zip(katib.take(server.get(katib.request(4))), "1234", strict=True):
            finish(trial, value)
        [last] = katib.take(server.get(katib.request(1)))
        finish(last, objective, condition)
        replies.append(server.get(katib.request(1)))
    assert replies[0] == replies[1] == replies[2]


def test_trials_that_end_without_metrics_and_so_are_never_sent_are_not_suggested_again(server):
    katib = KatibStandIn(experiment(UNIT))
    points = set()
    for _ in range(6):
        [trial] = katib.take(server.get(katib.request(1)))
        points.add(tuple(values(trial).values()))
        # Seen while it ran, then no more.
        server.get(katib.request(1))
        trial.status.condition = Status.METRICSUNAVAILABLE
    assert len(points) == 6
    assert not katib.request(1).trials


def test_a_trial_without_metrics_counts_as_one_that_failed(server):
    replies = []
    for condition in (Status.METRICSUNAVAILABLE, Status.FAILED):
        katib = KatibStandIn(experiment(UNIT))
        for trial, objective in zip(katib.take(server.get(katib.request(4))), "1234", strict=True):
            finish(trial, objective)
        _, ended, _ = katib.take(server.get(katib.request(3)))
        ended.status.condition = condition
        # Where it comes last in the one it must in the other.
        ended.status.start_time = "2031"
        replies.append(server.get(katib.request(2)).parameter_assignments)
    assert replies[0] == replies[1]


def test_the_record_has_no_more_than_what_is_under_way(server):
    katib = KatibStandIn(experiment(UNIT))
    for _ in range(5):
        for trial in katib.take(server.get(katib.request(2))):
            finish(trial, "0.5")
    katib.take(server.get(katib.request(1)))
    record = json.loads(katib.settings["handed_out"])
    assert record == {"last": 11, "open": {"11": values(katib.trials[-1])}}


def test_what_katib_deleted_counts_no_more(server):
    """As where parallelTrialCount is reduced: the newest trials and their suggestions go."""
    katib, never = KatibStandIn(experiment(UNIT)), KatibStandIn(experiment(UNIT))
    for each in (katib, never):
        for trial in each.take(server.get(each.request(3))):
            finish(trial, "0.5")
    katib.take(server.get(katib.request(2)))
    del katib.trials[3:]
    katib.count = 3
    # Numbers go on, and the draws with them; from here on they are to be the same.
    katib.settings["handed_out"] = katib.settings["handed_out"].replace('"last":5', '"last":3')
    assert [values(t) for t in katib.take(server.get(katib.request(2)))] == [
        values(t) for t in never.take(server.get(never.request(2)))
    ]


def test_names_are_katibs_own_unless_numbers_are_asked_for(server):
    reply = server.get(KatibStandIn(experiment(UNIT)).request(2))
    assert [each.trial_name for each in reply.parameter_assignments] == ["", ""]


def test_numbered_names_go_on_and_are_never_used_again(server):
    katib = KatibStandIn(experiment(UNIT, {"trial_names": "numbered"}))
    assert [trial.name for trial in katib.take(server.get(katib.request(2)))] == ["mnist-1", "mnist-2"]
    katib.trials[0].status.condition = Status.METRICSUNAVAILABLE
    assert [trial.name for trial in katib.take(server.get(katib.request(1)))] == ["mnist-3"]
    # The newest are deleted, and of the same second it may be any of them.
    del katib.trials[1]
    katib.count = 2
    assert [trial.name for trial in katib.take(server.get(katib.request(2)))] == ["mnist-4", "mnist-5"]
    # The Suggestion is deleted by hand: Katib begins to count anew.
    katib.count, katib.settings = 0, {}
    assert [trial.name for trial in katib.take(server.get(katib.request(1)))] == ["mnist-6"]


def test_first_points_come_first_and_those_outside_are_left_out(server):
    points = '[{"x": "0.25"}, {"x": "7"}, {"x": "0.5", "y": "0.75", "old": "a"}, {"x": "none"}]'
    katib = KatibStandIn(experiment(UNIT, {"first_points": points}))
    drawn = [values(trial) for trial in katib.take(server.get(katib.request(3)))]
    assert drawn[:2] == [{"x": "0.25", "y": "0.5"}, {"x": "0.5", "y": "0.75"}]
    assert drawn[2] not in drawn[:2]


def test_steps_are_kept(server):
    steps = (
        parameter("epochs", api.INT, "10", "100", step="30"),
        parameter("dropout", api.DOUBLE, "0.1", "0.7", step="0.2"),
        parameter("layers", api.INT, "1", "3", step="1"),
    )
    katib = KatibStandIn(experiment(steps))
    drawn = [values(trial) for trial in katib.take(server.get(katib.request(40)))]
    assert {each["epochs"] for each in drawn} == {"10", "40", "70", "100"}
    assert {each["dropout"] for each in drawn} == {"0.1", "0.3", "0.5", "0.7"}
    assert {each["layers"] for each in drawn} == {"1", "2", "3"}


def test_a_space_of_one_point_is_answered(server):
    katib = KatibStandIn(experiment([parameter("one", api.CATEGORICAL, members=["a"])]))
    assert [values(trial) for trial in katib.take(server.get(katib.request(2)))] == [{"one": "a"}] * 2


def test_trials_of_another_space_do_no_harm(server):
    katib = KatibStandIn(experiment(UNIT))
    for trial in katib.take(server.get(katib.request(4))):
        finish(trial, "1")
    for strange in ({}, {"x": "abc", "y": "1"}, {"x": "5", "y": "1e999"}, {"z": "1"}):
        trial = katib.trials[0].__class__(name="strange")
        for name, text in strange.items():
            trial.spec.parameter_assignments.assignments.add(name=name, value=text)
        finish(trial, "100")
        katib.trials.append(trial)
    [trial] = katib.take(server.get(katib.request(1)))
    assert all(0.0 <= float(text) <= 1.0 for text in values(trial).values())


def test_an_experiment_that_cannot_be_tuned_is_refused_here_as_well(server):
    katib = KatibStandIn(experiment(UNIT, {"seeed": "1"}))
    with pytest.raises(grpc.RpcError) as refused:
        server.get(katib.request(1))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "algorithmSettings.seeed: is not a setting of gp-bandit" in refused.value.details()


@pytest.mark.parametrize("number", [-1, 1001, 2**31 - 1])
def test_absurd_numbers_of_suggestions_are_refused(server, number):
    asked = KatibStandIn(experiment(UNIT)).request(1)
    asked.current_request_number = number
    with pytest.raises(grpc.RpcError, match=r"is not from 0 to 1000") as refused:
        server.get(asked)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_request_that_was_given_up_does_not_hold_up_the_next(server):
    katib = KatibStandIn(experiment(MIXED))
    for trial in katib.take(server.get(katib.request(20))):
        finish(trial, repr(accuracy(values(trial))))
    with pytest.raises(grpc.RpcError) as late:
        server.get(katib.request(1000), timeout=0.5)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    start = time.monotonic()
    server.get(katib.request(1))
    assert time.monotonic() - start < 5.0


optuna.logging.set_verbosity(optuna.logging.ERROR)
