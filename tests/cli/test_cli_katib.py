"""`hptune katib` as people type it."""

import json
from pathlib import Path

import pytest
import yaml

from hptune.backends.katib.experiment.annotations import read_submission
from hptune.trial.spec import TRIAL_FORM
from tests.entry_point import call

ROOT = Path(__file__).parents[2]
EXAMPLE = "examples/mnist/trainer/hptune.yaml"
JOB_FILE = """\
trainingInput:
  hyperparameters:
    params:
    - {parameterName: lr, type: DOUBLE, minValue: 0, maxValue: 1}
"""
MAIN = "if __name__ == '__main__':\n    main()\n"


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.chdir(ROOT)


def katib(*args):
    return call("katib", *args)


def trial_of(experiment):
    pod = experiment["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    return TRIAL_FORM.parse(pod["containers"][0]["env"][0]["value"])


@pytest.fixture
def job_file(tmp_path):
    (tmp_path / "census" / "trainer").mkdir(parents=True)
    path = tmp_path / "census" / "trainer" / "hptune.yaml"
    path.write_text(JOB_FILE)
    (path.parent / "__init__.py").touch()
    (path.parent / "task.py").write_text("parser.add_argument('--table', required=True)\n" + MAIN)
    return path


def test_the_example_in_the_manifests_is_what_the_command_prints():
    first, written = (ROOT / "manifests" / "experiment.yaml").read_text().split("\n", 1)
    printed = katib(EXAMPLE, "--", *read_submission(yaml.safe_load(written)).user_args)
    assert printed.code == 0
    assert first.startswith("# Written by `make manifests`")
    assert written == printed.out, "run make manifests"


def test_the_example_is_given_a_job_dir_and_its_data_is_asked_for():
    printed = katib(EXAMPLE)
    experiment = yaml.safe_load(printed.out)
    submission = read_submission(experiment)
    assert submission.name == "mnist"
    assert submission.program.module == "trainer.mnist_mlp_lr_numsteps"
    assert submission.user_args == ()
    assert trial_of(experiment).pass_job_dir
    for line in ("requires --train-file, which it is not given", "requires --job-dir", "is gone from GKE"):
        assert line in printed.err
    assert all(line.startswith("hptune: warning: ") for line in printed.err.splitlines())


def test_flags_and_the_trainers_own_arguments():
    printed = katib(
        *(EXAMPLE, "--name", "digits", "--module-name", "trainer.task", "--job-dir", "s3://b/digits"),
        *("--algorithm", "gp-bandit", "--namespace", "tuning", "--image", "registry/t:1", "--seed", "3"),
        *("--memory", "4Gi", "--cpu", "2", "--gpus", "0", "--secret", "keys", "--label", "team=research"),
        *("--", "--train-file", "s3://b/it's $(mine).npz"),
    )
    assert printed.code == 0, printed.err
    experiment = yaml.safe_load(printed.out)
    submission = read_submission(experiment)
    assert (submission.name, submission.seed, submission.job_dir) == ("digits", 3, "s3://b/digits")
    assert submission.user_args == ("--train-file", "s3://b/it's $(mine).npz")
    assert experiment["metadata"]["namespace"] == "tuning"
    assert experiment["metadata"]["labels"]["team"] == "research"
    assert experiment["spec"]["algorithm"]["algorithmName"] == "gp-bandit"
    pod = experiment["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    asked = {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "4Gi"}}
    assert pod["containers"][0]["resources"] == asked
    assert "requires" not in printed.err


def test_yaml_and_json_readers_agree():
    experiment = yaml.safe_load(katib(EXAMPLE).out)
    assert json.loads(json.dumps(experiment)) == experiment


def test_a_flag_that_the_trainer_requires_and_nobody_gives_is_named(job_file):
    printed = katib(str(job_file), "--algorithm", "gp-bandit")
    assert printed.code == 0
    assert "trainer.task requires --table, which it is not given; add it after --" in printed.err
    assert read_submission(yaml.safe_load(printed.out)).name == "census"
    given = katib(str(job_file), "--algorithm", "gp-bandit", "--", "--table=x")
    assert "requires" not in given.err


def test_what_is_refused_prints_nothing_else(job_file):
    printed = katib(str(job_file), "--namespace", "No", "--job-dir", "/out")
    assert (printed.code, printed.out) == (2, "")
    assert len(printed.err.splitlines()) == 3
    for part in ("--namespace: 'No'", "--job-dir: '/out'", "params[0].minValue: is 0; must be > 0"):
        assert part in printed.err


def test_several_programs_are_a_choice(job_file):
    (job_file.parent / "other.py").write_text(MAIN)
    printed = katib(str(job_file), "--algorithm", "gp-bandit")
    assert printed.code == 2
    assert printed.err == "hptune: --module-name: is missing; trainer.other, trainer.task can be run\n"


def test_a_job_file_alone_needs_a_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("hptune.yaml").write_text(JOB_FILE)
    printed = katib("hptune.yaml")
    assert printed.code == 2
    assert "--module-name: is missing" in printed.err


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--memory", "4 GB"), ("--cpu", "many"), ("--label", "novalue"), ("--node-selector", "=x")],
)
def test_values_that_cannot_be_read(flag, value):
    printed = katib(EXAMPLE, flag, value)
    assert printed.code == 2
    assert flag in printed.err
    assert "Traceback" not in printed.err
