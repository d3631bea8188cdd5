"""Jobs run and looked at from Python, with a real trainer in real processes."""

import json
from pathlib import Path

import pytest

import hptune
from tests.entry_point import write_job

JOB_FILE = """\
trainingInput:
  hyperparameters:
    goal: MINIMIZE
    hyperparameterMetricTag: loss
    maxTrials: 2
    maxParallelTrials: 2
    params: [{parameterName: x, type: DOUBLE, minValue: 0.0, maxValue: 1.0}]
"""
TRAINER = """\
import sys
if "--fail" in sys.argv:
    raise ValueError("no data")
print("loss=" + sys.argv[sys.argv.index("--x") + 1])
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    write_job(tmp_path, TRAINER, JOB_FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("home")
def test_a_job_is_run_described_and_taken_up(capsys):
    job = hptune.load_job("hptune.yaml")
    assert (job.metric, job.max_trials) == ("loss", 2)
    study = hptune.run(job, module_name="trainer.task", job_dir="out/job", args=["--epochs", 3], seed=1)
    assert isinstance(study, hptune.Study)
    assert study.best.final.value == min(trial.final.value for trial in study.trials)
    assert "trial 1/2 SUCCEEDED" in capsys.readouterr().err
    status = hptune.describe(Path("out/job"))
    assert (status.state.value, status.study) == ("SUCCEEDED", study)
    assert Path("out/job/report.html").is_file()
    submission = json.loads(Path("out/job/hptune/job.json").read_text())["submission"]
    assert submission["userArgs"] == ["--epochs", "3"]
    again = {"module_name": "trainer.task", "job_dir": "out/job", "args": ["--epochs", "3"]}
    assert hptune.run("hptune.yaml", seed=1, **again) == study
    with pytest.raises(hptune.InputError, match="holds another job"):
        hptune.run(job, seed=2, **again)


@pytest.mark.usefixtures("home")
def test_a_job_that_fails_is_raised_and_kept():
    with pytest.raises(hptune.JobFailed, match="exited with code 1: ValueError: no data"):
        hptune.run("hptune.yaml", name="j", module_name="trainer.task", args=["--fail"])
    assert hptune.describe("hptune-jobs/j").state.value == "FAILED"


@pytest.mark.usefixtures("home")
def test_all_faults_are_raised_together():
    with pytest.raises(hptune.InputError) as faults:
        hptune.run("hptune.yaml", package_path="nowhere", job_dir="out/job")
    assert {fault.place for fault in faults.value.faults} == {"--package-path", "--module-name"}
    with pytest.raises(hptune.HptuneError, match="holds no hptune job"):
        hptune.describe("nowhere")


def test_names_are_found_when_they_are_asked_for():
    assert set(hptune.__all__) <= set(dir(hptune))
    assert all(getattr(hptune, name) is not None for name in hptune.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'sbumit'"):
        _ = hptune.sbumit
