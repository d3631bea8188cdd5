import json
import os
import sys
from pathlib import Path

import pytest

from hptune.job.submission import Program
from hptune.runtimes import LAUNCH
from hptune.storage.job_dir import JobDir
from hptune.trial.arguments import trainer_argv
from hptune.trial.environment import trainer_environment
from hptune.trial.spec import TrialSpec

TRAINING_INPUT = {
    "scaleTier": "CUSTOM",
    "masterType": "standard_gpu",
    "args": ["--batchSize", "64"],
    "scheduling": {"maxRunningTime": "7200s"},
    "hyperparameters": {"maxTrials": 10, "params": [{"parameterName": "numSteps", "minValue": 200}]},
}


@pytest.fixture
def make_spec(tmp_path):
    def make(program=None, **fields):
        return TrialSpec(
            trial_id="3",
            job_id="mnist_1",
            metric="accuracy",
            program=program or Program("trainer.task"),
            directory=JobDir(tmp_path).trial(3),
            **{"training_input": TRAINING_INPUT, **fields},
        )

    return make


def test_a_module_gets_the_users_arguments_then_the_tuned_ones_then_its_job_dir(make_spec, tmp_path):
    spec = make_spec(user_args=("--train-file", "x.npz"), parameters={"num-steps": "200", "lr": "0.01"})
    start = [sys.executable, str(LAUNCH), "trainer.task"]
    tuned = ["--num-steps", "200", "--lr", "0.01"]
    assert trainer_argv(spec) == [*start, "--train-file", "x.npz", *tuned, "--job-dir", str(tmp_path / "3")]


def test_a_command_gets_each_argument_as_one_token(make_spec, tmp_path):
    program = Program(command=("sh", "train.sh"))
    spec = make_spec(program, user_args=("--data", "x"), parameters={"lr": "-0.01"})
    assert trainer_argv(spec) == [
        "sh",
        "train.sh",
        "--data",
        "x",
        "--lr=-0.01",
        f"--job-dir={tmp_path / '3'}",
    ]


@pytest.mark.parametrize(
    ("suggested", "given"),
    [("-1e-05", "-0.00001"), ("-2.5E+3", "-2500"), ("1e-05", "1e-05"), ("-0.25", "-0.25")],
)
def test_a_negative_number_reaches_argparse_without_an_exponent_whoever_wrote_it(make_spec, suggested, given):
    params = [{"parameterName": "x", "type": "DOUBLE"}, {"parameterName": "c", "type": "CATEGORICAL"}]
    parameters = {"x": suggested, "c": suggested}
    spec = make_spec(parameters=parameters, training_input={"hyperparameters": {"params": params}})
    assert trainer_argv(spec)[3:7] == ["--x", given, "--c", suggested]


def test_a_users_value_for_a_tuned_name_stays_in_front_of_the_tuned_one(make_spec):
    argv = trainer_argv(make_spec(user_args=("--lr", "0.5"), parameters={"lr": "0.01"}, pass_job_dir=False))
    assert argv[3:] == ["--lr", "0.5", "--lr", "0.01"]


def test_a_job_without_a_job_dir_passes_none(make_spec):
    assert "--job-dir" not in trainer_argv(make_spec(pass_job_dir=False))


def test_the_environment_names_the_job_the_trial_and_the_metric(make_spec, tmp_path):
    spec = make_spec()
    environment = trainer_environment(spec, {"HOME": "/home/me", "CLOUD_ML_TRIAL_ID": "stale"})
    assert environment["HOME"] == "/home/me"
    assert environment["CLOUD_ML_JOB_ID"] == "mnist_1"
    assert environment["CLOUD_ML_TRIAL_ID"] == "3"
    assert environment["CLOUD_ML_HP_METRIC_TAG"] == "accuracy"
    metric_file = Path(environment["CLOUD_ML_HP_METRIC_FILE"])
    assert metric_file == spec.directory.metric_file
    assert metric_file.is_relative_to(tmp_path)


def test_tf_config_is_that_of_a_master_with_its_trial_and_the_job_in_snake_case(make_spec):
    environment = trainer_environment(make_spec(), {})
    config = json.loads(environment["TF_CONFIG"])
    assert config["task"] == {"type": "master", "index": 0, "trial": "3"}
    assert list(config["cluster"]) == ["master"]
    assert config["environment"] == "cloud"
    assert config["job"] == {
        "scale_tier": "CUSTOM",
        "master_type": "standard_gpu",
        "args": ["--batchSize", "64"],
        "scheduling": {"max_running_time": "7200s"},
        "hyperparameters": {"max_trials": 10, "params": [{"parameter_name": "numSteps", "min_value": 200}]},
    }
    assert json.loads(environment["CLOUD_ML_JOB"]) == config["job"]


@pytest.mark.parametrize(
    ("asked", "role"),
    [
        ({}, "master"),
        ({"runtimeVersion": "1.15"}, "master"),
        ({"runtimeVersion": "2.0"}, "master"),
        ({"runtimeVersion": "2.1"}, "chief"),
        ({"runtimeVersion": "2.11"}, "chief"),
        ({"runtimeVersion": "10.0"}, "chief"),
        ({"runtimeVersion": "latest"}, "master"),
        ({"useChiefInTfConfig": True}, "chief"),
        ({"useChiefInTfConfig": True, "runtimeVersion": "1.15"}, "chief"),
        ({"useChiefInTfConfig": False, "runtimeVersion": "2.3"}, "master"),
    ],
)
def test_the_master_is_called_a_chief_where_the_service_did(make_spec, asked, role):
    config = json.loads(trainer_environment(make_spec(training_input=asked), {})["TF_CONFIG"])
    assert config["cluster"] == {role: ["127.0.0.1:2222"]}
    assert config["task"] == {"type": role, "index": 0, "trial": "3"}


def test_containers_are_told_of_their_cluster_too(make_spec):
    environment = trainer_environment(make_spec(Program(command=("sh", "train.sh"))), {})
    assert environment["CLUSTER_SPEC"] == environment["TF_CONFIG"]
    assert "CLUSTER_SPEC" not in trainer_environment(make_spec(), {})


@pytest.mark.parametrize(
    ("python_path", "base", "expected"),
    [
        ((), {}, ""),
        ((), {"PYTHONPATH": "/user"}, "/user"),
        (("/a", "/b"), {}, f"/a{os.pathsep}/b"),
        (("/a", "/b"), {"PYTHONPATH": "/user"}, os.pathsep.join(["/a", "/b", "/user"])),
    ],
)
def test_the_trainers_directories_come_first_on_the_python_path(make_spec, python_path, base, expected):
    environment = trainer_environment(make_spec(Program("trainer.task", python_path=python_path)), base)
    assert environment["PYTHONPATH"] == expected


def test_another_interpreter_runs_the_module_with_its_variables_and_comes_first_on_path(make_spec):
    program = Program(
        "trainer.task", python="/opt/py2/bin/python", variables={"PYTHONPATH": "/lib", "A": "b"}
    )
    spec = make_spec(program)
    environment = trainer_environment(spec, {"PATH": "/usr/bin", "PYTHONPATH": "/mine"})
    assert trainer_argv(spec)[:3] == ["/opt/py2/bin/python", str(LAUNCH), "trainer.task"]
    assert environment["PATH"].split(os.pathsep)[:2] == ["/opt/py2/bin", "/usr/bin"]
    assert (environment["PYTHONPATH"], environment["A"]) == (os.pathsep.join(["/mine", "/lib"]), "b")


def test_hptunes_own_python_is_the_last_on_path(make_spec):
    path = trainer_environment(make_spec(), {"PATH": "/usr/bin"})["PATH"]
    assert path.split(os.pathsep) == ["/usr/bin", str(Path(sys.executable).parent)]
