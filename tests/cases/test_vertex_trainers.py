"""Trainers of Vertex AI, run by its job files."""

import json

import pytest

from tests.entry_point import call

ARGUMENTS = "import argparse, json, os, sys\n"
# As on the service: --x=VALUE in one token, no --job-dir, and directories that are there.
TRAINER = """
token, = sys.argv[1:]
name, _, value = token.partition("=")
assert name == "--x", sys.argv
assert json.loads(os.environ["TF_CONFIG"])["task"]["type"] == "chief"
with open(os.environ["AIP_MODEL_DIR"] + "model.json", "w") as file:
    json.dump({"x": float(value), "mode": os.environ["MODE"]}, file)
for name in ("AIP_CHECKPOINT_DIR", "AIP_TENSORBOARD_LOG_DIR"):
    assert os.path.isdir(os.environ[name]) and os.environ[name].endswith("/")
import hypertune
reporter = hypertune.HyperTune()
for step, share in enumerate((0.5, 1, 0.2)):
    reporter.report_hyperparameter_tuning_metric("score", share * float(value), step)
"""


@pytest.fixture
def job():
    return {
        "studySpec": {
            "metrics": [{"metricId": "score", "goal": "MAXIMIZE"}],
            "measurementSelectionType": "BEST_MEASUREMENT",
            "parameters": [{"parameterId": "x", "doubleValueSpec": {"minValue": 0.1, "maxValue": 1}}],
        },
        "maxTrialCount": 2,
        "trialJobSpec": {
            "workerPoolSpecs": [
                {
                    "machineSpec": {"machineType": "n1-standard-4"},
                    "pythonPackageSpec": {
                        "packageUris": ["gs://bucket/trainer.tar.gz"],
                        "pythonModule": "trainer.task",
                        "env": [{"name": "MODE", "value": "fast"}],
                    },
                }
            ]
        },
    }


def test_a_trainer_gets_what_vertex_ai_gave_it(folder, job):
    folder.write_trainer(TRAINER, ARGUMENTS)
    (folder.path / "hptune.yaml").write_text(json.dumps(job))
    ended = folder.run(flags="--package-path trainer")
    assert ended.code == 0, ended.err
    for number, trial in folder.trials().items():
        value = float(trial["hyperparameters"]["x"])
        assert trial["finalMetric"]["objectiveValue"] == pytest.approx(value)
        model = json.loads((folder.path / "out" / str(number) / "model" / "model.json").read_text())
        assert model == {"x": pytest.approx(value), "mode": "fast"}
    assert "without effect on this machine: trialJobSpec.workerPoolSpecs[0].machineSpec.machi" in ended.err
    # The best one is trained again from the job's record.
    assert call("train out").code == 0
    assert json.loads((folder.path / "out" / "final" / "model" / "model.json").read_text())["mode"] == "fast"


def test_flags_outdo_the_file(folder, job):
    folder.write_trainer(TRAINER, ARGUMENTS)
    (folder.path / "hptune.yaml").write_text(json.dumps(job))
    ended = folder.run(flags="--package-path trainer --max-trial-count 1 --final last")
    assert ended.code == 0, ended.err
    (trial,) = folder.trials().values()
    last = 0.2 * float(trial["hyperparameters"]["x"])
    assert trial["finalMetric"]["objectiveValue"] == pytest.approx(last)


def test_a_job_that_was_changed_is_refused_in_its_own_words(folder, job):
    folder.write_trainer(TRAINER, ARGUMENTS)
    (folder.path / "hptune.yaml").write_text(json.dumps({**job, "maxTrialCount": 1}))
    assert folder.run(flags="--package-path trainer").code == 0
    job["studySpec"]["parameters"][0]["doubleValueSpec"]["maxValue"] = 2
    job["studySpec"]["measurementSelectionType"] = "LAST_MEASUREMENT"
    (folder.path / "hptune.yaml").write_text(json.dumps(job))
    refused = folder.run(flags="--package-path trainer")
    assert refused.code == 2
    assert 'studySpec.measurementSelectionType: "BEST_MEASUREMENT" -> "LAST_MEASUREMENT"' in refused.err
    assert "studySpec.parameters[0].maxValue: 1 -> 2" in refused.err


def test_the_job_becomes_an_experiment(folder, job):
    (folder.path / "hptune.yaml").write_text(json.dumps(job))
    printed = call("katib hptune.yaml --name j")
    assert printed.code == 0, printed.err
    assert "VERTEX_AI" in printed.out
    assert "objectiveMetricName: score" in printed.out
