"""A program as people wrote it for ML Engine's answer reads ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAINERS = Path(__file__).parents[1] / "trainers"
BIN = Path(sys.executable).parent

# Instead of `gcloud ai-platform jobs describe JOB --format json` or projects.jobs.get of its client library.
PROGRAM = """
import json
import subprocess
import sys

answer = subprocess.check_output(["hptune", "describe", sys.argv[1], "--format", "json"])
job = json.loads(answer)
if job["state"] != "SUCCEEDED" or not job["trainingOutput"]["isHyperparameterTuningJob"]:
    sys.exit("not a finished tuning job")
trials = job["trainingOutput"]["trials"]
best = trials[0]
args = []
for name, value in sorted(best["hyperparameters"].items()):
    args += ["--" + name, value]
metric = job["trainingInput"]["hyperparameters"]["hyperparameterMetricTag"]
print("Best trial: " + best["trialId"])
print("%s at step %d: %.4f" % (metric, int(best["finalMetric"]["trainingStep"]),
                               best["finalMetric"]["objectiveValue"]))
print(" ".join(args))
"""


@pytest.fixture(scope="module")
def job_dir(tmp_path_factory):
    home = tmp_path_factory.mktemp("job")
    trainer = TRAINERS / "print_style"
    text = (trainer / "hptune.yaml").read_text().replace("maxTrials: 4", "maxTrials: 3")
    (home / "hptune.yaml").write_text(text)
    places = ["--config", home / "hptune.yaml", "--job-dir", home / "out"]
    program = ["--package-path", trainer / "trainer", "--module-name", "trainer.task"]
    command = [BIN / "hptune", "run", "forecast", *places, *program]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return home / "out"


def test_a_program_for_ml_engine_finds_the_best_trial(job_dir):
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM, job_dir], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    trials = json.loads((job_dir / "results.json").read_text())["trainingOutput"]["trials"]
    best = min(trials, key=lambda trial: trial["finalMetric"]["objectiveValue"])
    assert printed == [
        f"Best trial: {best['trialId']}",
        f"loss at step 5: {best['finalMetric']['objectiveValue']:.4f}",
        f"--window-size {best['hyperparameters']['window-size']}",
    ]


def test_types_are_those_of_googles_api(job_dir):
    answer = json.loads(subprocess.check_output([BIN / "hptune", "describe", job_dir, "--format", "json"]))
    output = answer["trainingOutput"]
    assert output == json.loads((job_dir / "results.json").read_text())["trainingOutput"]
    assert output["completedTrialCount"] == "3"
    assert sorted(trial["trialId"] for trial in output["trials"]) == ["1", "2", "3"]
    values = [trial["finalMetric"]["objectiveValue"] for trial in output["trials"]]
    assert values == sorted(values)
    for trial in output["trials"]:
        assert type(trial["finalMetric"]["objectiveValue"]) is float
        assert trial["finalMetric"]["trainingStep"] == "5"
        assert all(type(value) is str for value in trial["hyperparameters"].values())
        assert trial["startTime"].endswith("Z")
        assert trial["startTime"] <= trial["endTime"]
