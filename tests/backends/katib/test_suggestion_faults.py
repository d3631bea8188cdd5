"""What the suggestion service refuses, and that nothing brings it down."""

import re

import grpc
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from suggestion_server import MIXED, MIXED_SETTINGS, KatibStandIn, experiment, parameter, running

from hptune.backends.katib.suggestion import api_pb2 as api

REFUSED = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


def refusal(server, refused):
    with pytest.raises(grpc.RpcError) as error:
        server.validate(refused)
    assert error.value.code() is REFUSED
    return error.value.details()


def test_a_sound_experiment_is_let_through(server):
    settings = {
        **MIXED_SETTINGS,
        "seed": "18446744073709551615",
        "n_startup_trials": "1",
        "first_points": '[{"lr": "0.01"}]',
        "trial_names": "numbered",
    }
    server.validate(experiment(MIXED, settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"sede": "1"},
            "algorithmSettings.sede: is not a setting of gp-bandit (it has seed, n_startup_trials,",
        ),
        ({"seed": "-1"}, "algorithmSettings.seed: '-1' is not a whole number from 0 to 18446744073709551615"),
        ({"seed": "1.5"}, "'1.5' is not a whole number"),
        ({"seed": "²"}, "'²' is not a whole number"),
        ({"seed": "9" * 5000}, "is not a whole number"),
        ({"n_startup_trials": "0"}, "algorithmSettings.n_startup_trials: '0' is not a whole number from 1"),
        (
            {"scale.rate": "UNIT_LOG_SCALE"},
            "algorithmSettings.scale.rate: there is no parameter rate (use lr,",
        ),
        ({"scale.lr": "LOG"}, "algorithmSettings.scale.lr: 'LOG' is not a scale (use UNIT_LINEAR_SCALE, "),
        ({"scale.optimizer": "UNIT_LOG_SCALE"}, "scale.optimizer: a categorical parameter has no scale"),
        ({"first_points": "[1]"}, "algorithmSettings.first_points: is not a JSON list of objects"),
        ({"first_points": "[" * 100000}, "algorithmSettings.first_points: is not a JSON list of objects"),
        ({"first_points": '[{"lr": 0.1}]'}, "with a text for each parameter's name"),
        ({"trial_names": "mine"}, "algorithmSettings.trial_names: 'mine' is not allowed (use numbered, or"),
    ],
)
def test_settings_are_checked(server, settings, message):
    assert message in refusal(server, experiment(MIXED, settings))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (parameter("x", api.DOUBLE, "1", "0"), "x.feasibleSpace: min 1 is greater than max 0"),
        (parameter("x", api.DOUBLE, "", "1"), "x.feasibleSpace.min: '' is not a number that a double holds"),
        (parameter("x", api.DOUBLE, "0", "inf"), "x.feasibleSpace.max: 'inf' is not a number"),
        (parameter("x", api.DOUBLE, "nan", "1"), "x.feasibleSpace.min: 'nan' is not a number"),
        (parameter("x", api.DOUBLE, "0", "1e999"), "x.feasibleSpace.max: '1e999' is not a number"),
        (parameter("x", api.INT, "0", "1.5"), "x.feasibleSpace.max: '1.5' is not a whole number of 64 bits"),
        (parameter("x", api.INT, "0", "1e300"), "x.feasibleSpace.max: '1e300' is not a whole number"),
        (parameter("x", api.INT, "0", "9", step="0"), "x.feasibleSpace.step: 0 is not greater than 0"),
        (parameter("x", api.INT, "0", "9", step="a"), "x.feasibleSpace.step: 'a' is not a number"),
        (parameter("x", api.DOUBLE, "0", "1", step="1e-9"), "makes more than the 4096 values allowed"),
        (parameter("x", api.DISCRETE), "x.feasibleSpace.list: is empty"),
        (parameter("x", api.DISCRETE, members=["1", "b"]), "x.feasibleSpace.list: 'b' is not a number"),
        (parameter("x", api.DISCRETE, members=["1", "1.0"]), "list: 1 and 1.0 are the same number"),
        (parameter("x", api.CATEGORICAL), "x.feasibleSpace.list: is empty"),
        (parameter("x", api.CATEGORICAL, members=["a", "b", "a"]), "list: has 'a' more than once"),
        (
            parameter("x", api.DOUBLE, "0", "1", distribution=api.LOG_UNIFORM),
            "x.feasibleSpace.distribution: UNIT_LOG_SCALE needs numbers greater than 0, not 0",
        ),
        (
            parameter("x", api.DOUBLE, "0", "1", distribution=api.NORMAL),
            "x.feasibleSpace.distribution: is not one of uniform and logUniform",
        ),
        (parameter("x", api.UNKNOWN_TYPE), "x.parameterType: is not one of double, int, discrete"),
        (parameter("", api.INT, "0", "1"), "parameters[1].name: is empty"),
        (
            parameter("lr", api.INT, "0", "1"),
            "parameters[1].name: is lr, as another one's is; must be unique",
        ),
    ],
)
def test_parameters_are_checked(server, spec, message):
    assert message in refusal(server, experiment([MIXED[0], spec]))


def test_a_scale_needs_positive_numbers_wherever_it_comes_from(server):
    members = [parameter("x", api.DISCRETE, members=["5", "-1"]), parameter("y", api.INT, "0", "3")]
    message = refusal(
        server, experiment(members, {"scale.x": "UNIT_LOG_SCALE", "scale.y": "UNIT_REVERSE_LOG_SCALE"})
    )
    assert "algorithmSettings.scale.x: UNIT_LOG_SCALE needs numbers greater than 0, not -1" in message
    assert "algorithmSettings.scale.y: UNIT_REVERSE_LOG_SCALE needs numbers greater than 0, not 0" in message


def test_all_faults_are_in_one_line(server):
    refused = experiment([parameter("x", api.INT, "5", "1")], {"seed": "a", "sede": "1"})
    refused.spec.algorithm.algorithm_name = "random"
    refused.spec.objective.Clear()
    message = refusal(server, refused)
    assert "\n" not in message
    places = [fault.partition(":")[0] for fault in message.split("; ")]
    assert places == [
        "algorithm.algorithmName",
        "objective.type",
        "objective.objectiveMetricName",
        "algorithmSettings.seed",
        "algorithmSettings.sede",
        "x.feasibleSpace",
    ]


def test_an_empty_message_is_refused(server):
    assert "parameters: is empty; must name at least one" in refusal(server, api.Experiment())


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"last":1}', '{"last":1,"open":[1]}', '{"last":1,"open":[{"x":1}]}', "x", "[" * 99999],
)
def test_a_record_that_is_not_the_services_own_is_refused(server, text):
    katib = KatibStandIn(experiment(MIXED), settings={"handed_out": text})
    with pytest.raises(
        grpc.RpcError, match=r"algorithmSettings\.handed_out: is set by the service alone"
    ) as error:
        server.get(katib.request(1))
    assert error.value.code() is REFUSED


texts = st.one_of(
    st.sampled_from(
        ["", "0", "1", "-1", "1e-320", "1e308", "-1e308", "nan", "inf", "0x1", "1_0", "x", "9" * 400]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
spaces = st.builds(
    api.FeasibleSpace,
    min=texts,
    max=texts,
    list=st.lists(texts, max_size=3),
    step=texts,
    distribution=st.integers(0, 6),
)
specs = st.builds(api.ParameterSpec, name=texts, parameter_type=st.integers(0, 5), feasible_space=spaces)
pairs = st.builds(
    api.AlgorithmSetting, name=st.sampled_from(["seed", "scale.x", "first_points", ""]), value=texts
)


@st.composite
def requests(draw):
    """Sound ones with unsound trials, and now and then an unsound parameter or setting."""
    described = draw(st.lists(st.sampled_from(MIXED), min_size=1, unique_by=lambda spec: spec.name))
    described += draw(st.lists(specs, max_size=1))
    asked = KatibStandIn(experiment(described)).request(draw(st.integers(-1, 3)))
    asked.total_request_number = draw(st.integers(-(2**31), 2**31 - 1))
    asked.experiment.spec.algorithm.algorithm_settings.extend(draw(st.lists(pairs, max_size=1)))
    asked.experiment.spec.max_trial_count = draw(st.integers(-(2**31), 2**31 - 1))
    for _ in range(draw(st.integers(0, 5))):
        trial = asked.trials.add(name=draw(texts))
        trial.status.condition = draw(st.integers(0, 9))
        trial.status.start_time = draw(texts)
        trial.status.observation.metrics.add(name="accuracy", value=draw(texts))
        for spec in described:
            text = draw(st.one_of(texts, st.sampled_from(["0.5", "0.01", "2", "32", "adam", "7"])))
            trial.spec.parameter_assignments.assignments.add(name=spec.name, value=text)
    return asked


modest = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@modest
@given(asked=requests())
def test_no_request_makes_it_fail_otherwise_than_by_refusing_it(server, asked):
    with server.stub() as stub:
        answer = stub.GetSuggestions.future(asked, timeout=60)
        assert answer.code() in (grpc.StatusCode.OK, REFUSED), answer.details()
        if answer.code() is grpc.StatusCode.OK:
            assert len(answer.result().parameter_assignments) == asked.current_request_number


@modest
@given(data=st.binary(max_size=200))
def test_no_bytes_bring_it_down(server, data):
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary("/api.v1.beta1.Suggestion/GetSuggestions")
        with pytest.raises(grpc.RpcError) as error:
            call(data, timeout=60)
    try:
        api.GetSuggestionsRequest.FromString(data)
    except DecodeError:
        assert error.value.code() is grpc.StatusCode.INTERNAL
    else:
        assert error.value.code() is REFUSED
    assert server.process.poll() is None


def test_a_refusal_fits_whatever_is_wrong(server):
    settings = {f"scale.{'é' * 200}{number}": "UNIT_LOG_SCALE" for number in range(500)}
    details = refusal(server, experiment(MIXED, settings))
    assert "there is no parameter" in details
    assert re.search(r"; and \d+ more$", details)
