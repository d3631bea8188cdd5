import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hptune.backends.local.backend import LocalBackend
from hptune.errors import JobDirError, JobFailed
from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import parse_job
from hptune.steps.train import train

TRAINER = """
import os, sys, time
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open(os.path.join(os.path.dirname(__file__), "starts"), "a") as file:
    file.write(args["--job-dir"] + "\\n")
open(os.path.join(args["--job-dir"], "model"), "w").write(args["--x"])
print(f"accuracy={float(args['--x']) + float(args.get('--bonus', 0))}")
if args["--job-dir"].endswith("final"):
    while "--until" in args and not os.path.exists(args["--until"]):
        time.sleep(0.05)
    sys.exit(int(args.get("--exit", 0)))
"""


@pytest.fixture
def tuned(tmp_path):
    """The directory of a job of two trials."""
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "tiny_final.py").write_text(TRAINER)
    space = [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]
    tuning = {"hyperparameterMetricTag": "accuracy", "maxTrials": 2, "algorithm": "RANDOM_SEARCH"}
    job = parse_job(json.dumps({"hyperparameters": {**tuning, "params": space}}), "job.yaml")
    program = Program("tiny_final", python_path=(str(tmp_path / "trainer"),))
    submission = Submission("job", job, program, ("--bonus", "1"), str(tmp_path / "job"))
    LocalBackend(Path(submission.job_dir)).run(submission, lambda *_: None)
    return Path(submission.job_dir)


def final_starts(tuned):
    return (tuned.parent / "trainer" / "starts").read_text().count(f"{os.sep}final\n")


def test_the_final_training_has_the_best_parameters_and_the_jobs_own_arguments(tuned):
    best = LocalBackend(tuned).describe().study.best
    final = train(tuned)
    assert final.best == best
    assert final.measurement.value == best.parameters["x"] + 1
    assert final.output == tuned / "final"
    assert float((final.output / "model").read_text()) == best.parameters["x"]
    assert "accuracy=" in final.log.read_text()


def test_a_final_training_is_run_again_only_with_other_arguments(tuned):
    first = train(tuned)
    assert train(tuned) == first
    assert final_starts(tuned) == 1
    other = train(tuned, ["--bonus", "2"])
    assert other.measurement.value == first.measurement.value + 1
    assert final_starts(tuned) == 2


def test_a_final_training_that_failed_is_told_and_run_again(tuned):
    for _ in range(2):
        with pytest.raises(JobFailed, match="exited with code 3") as failure:
            train(tuned, ["--exit", "3"])
        assert "accuracy=" in str(failure.value)
    assert final_starts(tuned) == 2


def test_a_directory_without_a_job_is_refused(tmp_path):
    with pytest.raises(JobDirError, match="holds no hptune job"):
        train(tmp_path)


def test_of_three_at_once_one_trains_and_the_others_are_refused(tuned, tmp_path):
    release = tmp_path / "release"
    command = [sys.executable, "-m", "hptune", "train", str(tuned), "--", "--until", str(release)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    while sum(process.poll() is not None for process in processes) < 2:
        time.sleep(0.05)
    release.touch()
    messages = [process.communicate()[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 2, 2]
    (holder,) = (process.pid for process in processes if process.returncode == 0)
    refused = [each for process, each in zip(processes, messages, strict=True) if process.returncode]
    assert all(f"{tuned}: is in use by process {holder}" in each for each in refused)
    assert final_starts(tuned) == 1
