"""Parameters that a trainer takes as flags without a value."""

import json

import pytest
import yaml

from hptune.backends.katib.experiment.annotations import read_submission
from tests.cases.small_jobs import PACKAGE
from tests.entry_point import call

FLAGS = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--use_bn", action="store_true")
parser.add_argument("--deep", action="store_true")
parser.add_argument("--job-dir")
a = parser.parse_args()
print(f"score={2 * a.use_bn + a.deep}")
"""


def switch(name, *values):
    values = values or ("True", "False")
    return {"parameterName": name, "type": "CATEGORICAL", "categoricalValues": list(values)}


@pytest.mark.parametrize(
    ("training", "flags", "values"),
    [
        ({}, PACKAGE, ("True", "False")),
        ({"masterConfig": {"containerCommand": ["python", "trainer/task.py"]}}, "", ("false", "true")),
    ],
)
def test_a_switch_is_given_where_it_is_true_and_left_out_where_it_is_false(folder, training, flags, values):
    folder.write_job(
        switch("use_bn", *values),
        switch("deep", *values),
        training=training,
        algorithm="GRID_SEARCH",
        maxTrials=4,
    )
    folder.write_trainer("", arguments=FLAGS)
    ended = folder.run(flags=f"{flags} --switch use_bn --switch deep")
    assert ended.code == 0, ended.err
    for trial in folder.trials().values():
        given = {name: value.lower() == "true" for name, value in trial["hyperparameters"].items()}
        assert trial["finalMetric"]["objectiveValue"] == 2 * given["use_bn"] + given["deep"]
    assert len(folder.trials()) == 4


def test_switches_are_part_of_the_job(folder):
    folder.write_job(switch("use_bn"))
    folder.write_trainer("", arguments=FLAGS)
    assert folder.run(flags=f"{PACKAGE} --switch use_bn").code == 0
    record = json.loads((folder.path / "out" / "hptune" / "job.json").read_text())
    assert record["submission"]["switches"] == ["use_bn"]
    refused = folder.run()
    assert refused.code == 2
    assert "switches" in refused.err
    trained = call("train out")
    assert trained.code == 0, trained.err


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        (switch("use_bn", "yes", "no"), "'use_bn' has other values; must be CATEGORICAL with True and False"),
        (
            {"parameterName": "use_bn", "type": "INTEGER", "minValue": 0, "maxValue": 1},
            "'use_bn' has other values",
        ),
        (switch("deep"), "'use_bn' is not a parameter; must be one of deep"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [f"run c --config hptune.yaml {PACKAGE}", "katib hptune.yaml --name c --module-name trainer.task"],
)
def test_what_cannot_be_a_switch_is_refused(folder, parameter, problem, command):
    folder.write_job(parameter)
    folder.write_trainer("", arguments=FLAGS)
    refused = call(f"{command} --switch use_bn")
    assert refused.code == 2
    assert problem in refused.err


def test_a_trials_pod_has_the_switches(folder):
    folder.write_job(switch("use_bn"))
    printed = call("katib hptune.yaml --name c --module-name trainer.task --switch use_bn")
    assert printed.code == 0, printed.err
    experiment = yaml.safe_load(printed.out)
    assert read_submission(experiment).switches == ("use_bn",)
    pod = experiment["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    (document,) = [each["value"] for each in pod["containers"][0]["env"] if each["name"] == "HPTUNE_TRIAL"]
    assert json.loads(document)["switches"] == ["use_bn"]
