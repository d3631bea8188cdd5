"""Trials of this machine in the user's own containers, on a real Docker engine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cases.small_jobs import Folder
from tests.entry_point import call
from tests.images.conftest import DOCKER

PATIENCE_S = 120

pytestmark = pytest.mark.docker


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER", DOCKER)
    return Folder(tmp_path)


@pytest.fixture
def python_image(small_image):
    return small_image("python")


def run(image, *more, args=()):
    # An engine may have no network but these two; the default one needs nothing of hptune.
    flags = f"--job-dir out --master-image-uri {image} --docker-flag=--network=none"
    return call(f"run j --config hptune.yaml {flags}", *more, *(["--", *args] if args else []))


def said(folder, trial):
    """What the trainer found around it."""
    return json.loads(next(line for line in folder.log(trial).splitlines() if line.startswith("{")))


def containers(engine, folder):
    label = f"label=hptune.dev/trials={folder.path / 'out' / 'hptune' / 'trials'}"
    return engine.docker("ps", "--all", "--quiet", "--filter", label).stdout.split()


def wait_for(find):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {PATIENCE_S} s")


def test_an_images_own_entrypoint_runs_with_the_services_arguments_and_environment(
    engine, folder, python_image
):
    folder.write_job(maxTrials=2, maxParallelTrials=2)
    (folder.path / "a,b.txt").write_text("of this machine")
    ended = run(python_image, args=["--data", "a,b.txt"])
    assert ended.code == 0, ended.err
    assert f"the trainer runs in a container of {python_image}" in ended.err
    trials = folder.trials()
    for number, trial in trials.items():
        found, output = said(folder, number), folder.path / "out" / str(number)
        x = trial["hyperparameters"]["x"]
        data = ["--data", str(folder.path / "a,b.txt")]
        assert found["argv"] == ["task.py", *data, f"--x={x}", f"--job-dir={output}"]
        assert (found["cwd"], found["user"]) == ("/root", 0)
        assert found["environment"]["CLOUD_ML_TRIAL_ID"] == str(number)
        assert json.loads(found["environment"]["TF_CONFIG"])["task"]["trial"] == str(number)
        assert "of this machine" in folder.log(number)
        assert trial["finalMetric"]["objectiveValue"] == float(x)
        assert (output / "below" / "model").read_text() == "model"
    assert containers(engine, folder) == []
    # Of this machine's, only what was meant.
    assert not {"HPTUNE_SUBMIT_DIR", "PYTHONPATH", "SHELL"} & found["environment"].keys()


def test_a_user_of_the_image_writes_what_is_ours_afterwards(folder, small_image):
    folder.write_job()
    ended = run(small_image("unprivileged"))
    assert ended.code == 0, ended.err
    assert said(folder, 1)["user"] == 4321
    written = [folder.path / "out" / "1", *(folder.path / "out" / "1").rglob("*")]
    assert {path.stat().st_uid for path in written} == {os.getuid()}
    assert written[0].stat().st_mode & 0o002 == 0


def test_a_command_takes_the_place_of_the_entrypoint_and_reports_in_hypertunes_file(folder, python_image):
    folder.write_job(training={"masterConfig": {"containerCommand": ["python", "/root/other.py"]}})
    ended = run(python_image)
    assert ended.code == 0, ended.err
    assert folder.trials()[1]["finalMetric"]["trainingStep"] == "7"
    assert call("train out").code == 0, "the same image trains again"


def test_an_image_without_python_runs_by_its_cmd(folder, small_image):
    folder.write_job()
    ended = run(small_image("shell"))
    assert ended.code == 0, ended.err
    assert folder.trials()[1]["finalMetric"]["objectiveValue"] > 0


def test_a_container_that_uses_up_its_memory_is_said_to_have(folder, python_image):
    folder.write_job()
    ended = run(python_image, "--docker-flag=--memory=48m", args=["--megabytes=2000"])
    assert ended.code == 1
    assert "out of memory: the kernel ended it at the limit of its container" in ended.err


def test_a_container_that_the_engine_cannot_start_fails_with_the_engines_words(engine, folder, python_image):
    folder.write_job()
    ended = run(python_image, "--docker-flag=--runtime=no-such")
    assert ended.code == 1
    assert "no-such" in ended.err.partition("log.txt ends:")[2]
    assert containers(engine, folder) == []


def test_a_trials_time_limit_ends_its_container(engine, folder, python_image):
    folder.write_job(training={"scheduling": {"maxRunningTime": "1s"}})
    assert "time limit of 1 s" in run(python_image, args=["--wait-in=1"]).err
    assert containers(engine, folder) == []


WAYS = {
    "own entrypoint": ("python", {}),
    "command": ("python", {"masterConfig": {"containerCommand": ["python", "/root/task.py"]}}),
    "no Python": ("shell", {}),
}


@pytest.fixture
def started(request, engine, folder, small_image):
    """A job whose first trial has ended and whose second one waits in its container, of one of the ways."""
    target, training = WAYS[getattr(request, "param", "own entrypoint")]
    folder.write_job(maxTrials=2, training=training)
    words = ["--config=hptune.yaml", "--job-dir=out", f"--master-image-uri={small_image(target)}"]
    command = [sys.executable, "-m", "hptune", "run", "j", *words, "--docker-flag=--network=none"]
    with Job([*command, "--", "--wait-in=2"], engine, folder) as job:
        yield job
    engine.docker("rm", "--force", *containers(engine, folder), check=False)


class Job:
    """A job as a process of its own, with what its second trial runs in."""

    def __init__(self, command, engine, folder):
        self.command, self._engine, self._folder = command, engine, folder
        self.process = subprocess.Popen(command)
        self.container = self.wait_for_container()

    def wait_for_container(self):
        return wait_for(lambda: "started" in self._log() and self.containers())[0]

    def _log(self):
        log = self._folder.path / "out" / "hptune" / "trials" / "2" / "log.txt"
        return log.read_text() if log.exists() else ""

    def containers(self):
        return containers(self._engine, self._folder)

    @property
    def supervisor(self):
        status = Path(f"/proc/{self.launcher}/status").read_text()
        return int(re.search(r"PPid:\s+(\d+)", status)[1])

    @property
    def launcher(self):
        record = self._folder.path / "out" / "hptune" / "trials" / "2" / "trainer.pid"
        return int(record.read_text().split()[0])

    def let_go(self):
        (self._folder.path / "out" / "2" / "go").touch()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def check_taken_up(job, folder):
    """The same command finishes the second trial; the first is left as it was."""
    first = folder.log(1)
    job.let_go()
    again = subprocess.run(job.command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert again.returncode == 0, again.stderr
    assert folder.log(1) == first
    assert {trial["state"] for trial in folder.trials().values()} == {"SUCCEEDED"}
    assert job.containers() == []


@pytest.mark.parametrize(
    ("started", "with_its_children"),
    [("own entrypoint", False), ("own entrypoint", True), ("command", True), ("no Python", True)],
    indirect=["started"],
)
def test_no_container_outlives_hptune_and_the_same_command_takes_the_job_up(
    started, folder, with_its_children
):
    children = (started.supervisor, started.launcher) if with_its_children else ()
    for pid in (started.process.pid, *children):
        os.kill(pid, signal.SIGKILL)
    started.process.wait()
    wait_for(lambda: started.containers() == [])
    check_taken_up(started, folder)


def test_no_container_outlives_an_interrupt(started, folder):
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(PATIENCE_S) == 130
    assert started.containers() == []
    check_taken_up(started, folder)


@pytest.mark.parametrize("victim", ["supervisor", "launcher"])
def test_a_trial_whose_process_is_killed_runs_once_more_in_another_container(started, victim):
    os.kill(getattr(started, victim), signal.SIGKILL)
    first = started.container
    wait_for(lambda: started.containers() not in ([], [first]))
    assert len(started.containers()) == 1
    started.let_go()
    assert started.process.wait(PATIENCE_S) == 0
    assert started.containers() == []
