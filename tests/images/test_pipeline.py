"""The pipeline with a container a step, from the images built here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.job_texts import mnist_job

ROOT = Path(__file__).parents[2]
JOB_FILE = mnist_job(max_trials=10, max_steps=20)

pytestmark = pytest.mark.docker


@pytest.fixture
def run(hptune_image, trainer_image, tmp_path):
    pytest.importorskip("docker", reason="kfp's DockerRunner needs the Python package docker")
    (tmp_path / "hptune.yaml").write_text(JOB_FILE)
    environment = {**os.environ, "HPTUNE_IMAGE": hptune_image, "HPTUNE_TRAINER_IMAGE": trainer_image}

    def run(*user_args):
        options = [
            "--runner=docker",
            "--data=digits",
            f"--config={tmp_path / 'hptune.yaml'}",
            "--max-trials=2",
        ]
        options += [f"--job-dir={tmp_path / 'job'}", f"--output={tmp_path / 'outputs'}"]
        command = [sys.executable, "-m", "pipelines.mnist", "run", *options, "--", *user_args]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    return run


def test_the_pipeline_runs_in_containers_to_its_report_and_its_model(run, tmp_path):
    result = run("--hidden-units", "50")
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line for line in result.stderr.splitlines() if line.endswith(":") and line[0] != " "] == [
        "download:",
        "preprocess:",
        "tune:",
        "train:",
        "report:",
    ]
    assert result.stdout.count("SUCCEEDED") == 2
    assert "best: trial" in result.stdout
    assert "test accuracy: 0." in result.stdout
    [report] = tmp_path.glob("outputs/*/report.html")
    assert "<html" in report.read_text()
    assert list(tmp_path.glob("outputs/*/train/model/model/saved_model.pb"))


def test_a_failing_trainer_makes_the_run_fail_with_its_log_shown(run):
    result = run("--batch-size", "none")
    assert result.returncode == 1
    assert "error: argument --batch-size: invalid int value: 'none'" in result.stderr
    assert "the pipeline stopped at its step tune" in result.stderr
    assert "Traceback" not in result.stderr
