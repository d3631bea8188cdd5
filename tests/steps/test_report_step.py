"""The report of a job that ran, as a step and as a command."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hptune.errors import StorageError
from hptune.results.status_file import save_status
from hptune.results.study import Goal, JobState, JobStatus, Measurement, Study, Trial, TrialState
from hptune.steps.report import report, report_from_status

TRAINERS = Path(__file__).parents[1] / "trainers"
TRAINING_INPUT = {
    "hyperparameters": {
        "maxTrials": 1,
        "params": [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 10}],
    }
}


def status():
    found = Trial(1, {"x": 3.0}, TrialState.SUCCEEDED, final=Measurement(0.25, 1))
    study = Study("parabola", "loss", Goal.MINIMIZE, 1, (found,))
    return JobStatus(JobState.SUCCEEDED, study, TRAINING_INPUT, "", datetime.now(UTC), None)


def test_the_step_takes_the_numbers_among_an_artifacts_metadata(tmp_path):
    page, summary = from_status(tmp_path, status(), {"loss": 0.125, "store_session_info": "{}"})
    assert "loss 0.125, on the test part" in page
    assert "| Final training | loss 0\\.125, on the test part |" in summary
    assert "store_session_info" not in page + summary


def from_status(folder, job, metadata, **more):
    save_status(folder / "study", job)
    places = {"page": folder / "page", "summary": folder / "summary"}
    report_from_status(folder / "study", **places, metadata=metadata, **more)
    return [place.read_text() for place in places.values()]


def test_the_step_names_the_run_the_seed_and_the_algorithm(tmp_path):
    page, summary = from_status(tmp_path, status(), {}, seed=7, run="mine 2026")
    assert "<dt>Run</dt><dd>mine 2026</dd>" in page
    assert "<dt>Seed</dt><dd>7</dd>" in page
    assert "| Seed | 7 |" in summary
    assert "hptune&#39;s Gaussian-process bandit" in page


def test_katibs_own_algorithm_is_not_called_hptunes(tmp_path):
    job = replace(status(), suggested_by="bayesianoptimization")
    page, summary = from_status(tmp_path, job, {})
    assert "<dd>Katib&#39;s bayesianoptimization</dd>" in page
    assert "| Algorithm | Katib's bayesianoptimization |" in summary
    assert "The bandit models the objective" not in page


def test_a_page_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"page\.html: cannot be written"):
        report(status(), tmp_path / "file" / "page.html")


def test_the_command_reports_a_job(tmp_path):
    hptune = Path(sys.executable).with_name("hptune")
    home = TRAINERS / "print_style"
    job = [
        "--config",
        home / "hptune.yaml",
        "--package-path",
        home / "trainer",
        "--module-name",
        "trainer.task",
    ]
    out = tmp_path / "job"
    subprocess.run([hptune, "run", "demand", *job, "--job-dir", out], check=True, capture_output=True)
    page = tmp_path / "report.html"
    result = subprocess.run(
        [hptune, "report", out, "--output", page], check=True, capture_output=True, text=True
    )
    assert result.stdout == f"{page}\n"
    text = page.read_text()
    assert "4 of 4 finished" in text
    assert "hptune run demand --config" in text
    links = re.findall('<a href="(job/[^"]+)">', text)
    assert len(links) == 8
    assert all((tmp_path / link).exists() for link in links)


def test_the_command_refuses_a_directory_without_a_job(tmp_path):
    command = [Path(sys.executable).with_name("hptune"), "report", tmp_path]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 2
    assert "holds no hptune job" in result.stderr
