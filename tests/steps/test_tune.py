"""The tune step: what it makes of a pipeline's parameters, and that it takes a job up again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hptune.errors import JobDirError, JobFileError, UsageError
from hptune.job.tuning_job import parse_job
from hptune.results.study import JobState, TrialState
from hptune.steps.process import FAILURE_VARIABLE, read_failure
from hptune.steps.trainer import Trainer, limits
from hptune.steps.tune import summarize, tune

TINY = Path(__file__).parents[1] / "pipelines" / "tiny"
JOB = """\
trainingInput:
  args: [--begun, BEGUN]
  hyperparameters:
    goal: MINIMIZE
    hyperparameterMetricTag: loss
    maxTrials: 7
    params:
    - {parameterName: x, type: DOUBLE, minValue: 0, maxValue: 10}
"""


class Step:
    """The tune step with a fast trainer in a directory of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.job_dir = folder / "job"
        self.begun = folder / "begun"
        self.data = self.write_data("data", 0)

    def write_data(self, name, value):
        path = self.folder / name
        np.savez(path.open("wb"), x=np.full(9, value))
        return path

    def run(self, *args, data=None, job_file=JOB, **options):
        trainer = Trainer("tiny.task", str(TINY), args, "--input")
        job_file = job_file.replace("BEGUN", str(self.begun))
        given = {"name": "tiny", "job_dir": self.job_dir, "max_trials": 2, **options}
        return tune(job_file, data=data or self.data, trainer=trainer, **given)

    @property
    def runs(self):
        return len(self.begun.read_text().splitlines()) if self.begun.exists() else 0


@pytest.fixture
def step(tmp_path):
    return Step(tmp_path)


def test_the_status_has_the_job_as_it_was_run(step):
    status = step.run()
    assert status.state is JobState.SUCCEEDED
    assert status.training_input["hyperparameters"]["maxTrials"] == 2
    assert [trial.state for trial in status.study.trials] == [TrialState.SUCCEEDED] * 2
    best = status.study.best
    assert summarize(status.study) == {
        "loss": best.final.value,
        "best_trial": best.id,
        "trials": 2,
        "failed_trials": 0,
    }


def test_the_same_data_elsewhere_is_the_same_job(step):
    step.run()
    assert step.runs == 2
    step.run(data=step.write_data("the same", 0))
    assert step.runs == 2


def test_other_data_is_another_job(step):
    step.run()
    with pytest.raises(JobDirError, match="holds another job"):
        step.run(data=step.write_data("other", 1))


def test_another_limit_is_another_job(step):
    step.run()
    with pytest.raises(JobDirError, match=r"hyperparameters.maxTrials: 2 -> 3"):
        step.run(max_trials=3)


def test_arguments_replace_those_of_the_job_file(step):
    step.run("--begun", str(step.folder / "elsewhere"))
    assert step.runs == 0
    assert (step.folder / "elsewhere").read_text().count("\n") == 2


def test_a_directory_with_other_things_is_left_as_it_is(step):
    step.job_dir.mkdir()
    (step.job_dir / "thesis.tex").touch()
    with pytest.raises(JobDirError, match="holds other files"):
        step.run()
    assert [path.name for path in step.job_dir.iterdir()] == ["thesis.tex"]


def test_a_failed_trial_that_is_allowed_is_named_with_its_log(step, capsys):
    job_file = JOB.replace("maxTrials: 7", "maxTrials: 7\n    maxFailedTrials: 2")
    status = step.run("--fail", "1", job_file=job_file)
    assert summarize(status.study)["failed_trials"] == 1
    log = step.job_dir / "hptune" / "trials" / "1" / "log.txt"
    assert f"trial 1 failed, exited with code 1; its log is {log}" in capsys.readouterr().out


def test_a_fault_of_the_job_file_is_told_with_its_line(step):
    with pytest.raises(JobFileError, match=r"job_file:6: .*maxTrials"):
        step.run(job_file=JOB.replace("maxTrials: 7", "maxTrials: -7"), max_trials=0)
    assert not step.job_dir.exists()


def test_backends_that_are_not_there_are_refused(step):
    with pytest.raises(UsageError, match="backend: 'slurm' is not allowed \\(must be local or katib\\)"):
        step.run(backend="slurm")


def test_limits_of_zero_keep_those_of_the_file():
    assert parse_job(JOB, "hptune.yaml", limits()).max_trials == 7
    changed = parse_job(JOB, "hptune.yaml", limits(max_parallel_trials=3))
    assert (changed.max_trials, changed.max_parallel_trials) == (7, 3)
    assert changed.training_input["hyperparameters"]["maxParallelTrials"] == 3


def test_a_limit_below_zero_is_refused():
    with pytest.raises(JobFileError, match="max_trials: is -1"):
        parse_job(JOB, "hptune.yaml", limits(max_trials=-1))


def test_a_trainer_without_a_flag_for_data_gets_none():
    job = parse_job(JOB, "hptune.yaml")
    assert Trainer(data_flag="").user_args(job, Path("data")) == ("--begun", "BEGUN")
    assert Trainer(args=["--a"]).user_args(job, Path("data")) == ("--a", "--train-file", "data")


def step_script(body):
    start = "from hptune.errors import *\nfrom hptune.steps.process import step\nwith step('tune'):\n"
    return start + "".join(f"    {line}\n" for line in body.splitlines())


def run_as_step(body, **environment):
    command = [sys.executable, "-c", step_script(body)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise UsageError('a\\nb')", 2, "hptune: a\nhptune: b\n"),
        ("raise JobFailed('no luck')", 1, "hptune: no luck\n"),
        ("import os; os.kill(os.getpid(), 15)", 130, "hptune: stopped\n"),
    ],
)
def test_a_step_that_fails_ends_with_a_message_and_not_a_traceback(body, code, message, tmp_path):
    result = run_as_step(body)
    assert (result.returncode, result.stderr) == (code, "")
    assert result.stdout == f"{message}step tune failed with exit code {code}\n"
    file = tmp_path / "failure.json"
    assert read_failure(file) is None
    # Who started it need not read what it prints.
    told = run_as_step(body, **{FAILURE_VARIABLE: str(file)})
    assert (told.returncode, told.stdout) == (code, message)
    assert read_failure(file) == ("tune", code)


def test_a_mistake_of_ours_keeps_its_traceback():
    result = run_as_step("1 / 0")
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr


@pytest.mark.parametrize("ignores", ["", "trap '' INT; "], ids=["", "started in the background"])
def test_a_step_stops_when_nobody_reads_what_it_prints(ignores):
    script = step_script("import time\nprint('up', flush=True)\ntime.sleep(60)")
    command = ["sh", "-c", f'{ignores}exec "$@"', "sh", sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        process.stdout.close()
        assert process.wait(timeout=10) != 0


def test_the_record_of_the_job_names_the_copy_of_the_data(step):
    step.run()
    args = json.loads((step.job_dir / "hptune" / "job.json").read_text())["submission"]["userArgs"]
    assert Path(args[-1]).parent == step.job_dir / "hptune" / "data"
    assert Path(args[-1]).read_bytes() == step.data.read_bytes()
