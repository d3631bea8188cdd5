"""The best in place of the last value of a trial, by --final best."""

import json

import pytest
import yaml

from tests.cases.small_jobs import PACKAGE
from tests.entry_point import call

OVERFITS = "for step, score in enumerate((0.2, 0.9, float('nan'), 0.5)): print(f'{step=} {score=}')\n"


@pytest.mark.parametrize(
    ("goal", "flags", "value", "step"),
    [
        ("MAXIMIZE", "", 0.5, 3),
        ("MAXIMIZE", "--final last", 0.5, 3),
        ("MAXIMIZE", "--final best", 0.9, 1),
        ("MINIMIZE", "--final best", 0.2, 0),
    ],
)
def test_the_value_that_is_asked_for_judges_a_trial(folder, goal, flags, value, step):
    folder.write_job(goal=goal)
    folder.write_trainer(OVERFITS)
    ended = folder.run(flags=f"{PACKAGE} {flags}")
    assert ended.code == 0, ended.err
    assert folder.trials()[1]["finalMetric"] == {"objectiveValue": value, "trainingStep": str(step)}


def test_it_is_part_of_the_job(folder):
    folder.write_job()
    folder.write_trainer(OVERFITS)
    assert folder.run(flags=f"{PACKAGE} --final best").code == 0
    refused = folder.run()
    assert refused.code == 2
    assert "final" in refused.err


@pytest.mark.parametrize(
    ("goal", "flags", "strategy"),
    [
        ("MAXIMIZE", "", "latest"),
        ("MAXIMIZE", "--final best", "max"),
        ("MINIMIZE", "--final best", "min"),
    ],
)
def test_katib_takes_the_same_value(folder, goal, flags, strategy):
    folder.write_job(goal=goal)
    printed = call(f"katib hptune.yaml --name c --module-name trainer.task {flags}")
    assert printed.code == 0, printed.err
    spec = yaml.safe_load(printed.out)["spec"]
    strategies = {each["name"]: each["value"] for each in spec["objective"]["metricStrategies"]}
    assert strategies == {"score": strategy, "hptune-training-step": "latest"}
    pod = spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    (document,) = [each["value"] for each in pod["containers"][0]["env"] if each["name"] == "HPTUNE_TRIAL"]
    assert json.loads(document)["bestBy"] == (goal if "best" in flags else None)
