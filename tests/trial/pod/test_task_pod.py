"""Pods of a TFJob: the trial's program in each, told of its task by TF_CONFIG, as the operator sets it."""

import json
import os
import signal

import pytest
from test_pod import Pod

from hptune.job.replicas import Role
from hptune.trial.companions import MAX_RESTARTS

CLUSTER = {
    "master": ["mnist-3-master-0:2222"],
    "worker": ["mnist-3-worker-0:2222"],
    "ps": ["mnist-3-ps-0:2222"],
}
REPORTS = """
import json, os
from pathlib import Path
print("told", os.environ["TF_CONFIG"], flush=True)
print("accuracy=0.5", flush=True)
"""


@pytest.fixture
def task(tmp_path):
    pods = []

    def start(kind, script=REPORTS, **others):
        # As the operator writes it where workers may come and go.
        config = {"cluster": {"worker": {}, "ps": []}, "task": {"type": kind, "index": 0}}
        spec = {"tasks": {Role.WORKER: 1, Role.PS: 1}, "training_input": {"workerCount": 1}}
        environment = {"TF_CONFIG": json.dumps(config)}
        pods.append(
            Pod(tmp_path / f"{kind}-{len(pods)}", script, environment=environment, spec=spec, **others)
        )
        return pods[-1]

    yield start
    for pod in pods:
        pod.process.kill()
        pod.process.communicate()


@pytest.mark.parametrize("kind", ["master", "worker", "ps"])
def test_a_pod_completes_what_the_operator_says_of_its_task(task, kind):
    pod = task(kind)
    assert pod.end() == 0
    config = json.loads(pod.log.partition("told ")[2].splitlines()[0])
    assert config["cluster"] == CLUSTER
    assert config["task"] == {"type": kind, "index": 0, "trial": "3"}
    assert config["environment"] == "cloud"
    assert config["job"] == {"worker_count": 1}


def test_the_master_alone_is_measured(task):
    master, worker = task("master"), task("worker")
    assert (master.end(), worker.end()) == (0, 0)
    assert [each["accuracy"] for each in master.measured] == ["0.5"]
    assert not worker.metrics.exists()
    assert worker.outcome.message == ""


def test_a_worker_that_fails_is_started_again_in_its_pod(task):
    script = """
import os, sys
with open(os.path.join(os.environ["HPTUNE_TRIAL_DIR"], "starts"), "a+") as file:
    file.write("x")
    file.seek(0)
    sys.exit("not yet" if len(file.read()) < 3 else 0)
"""
    pod = task("worker", script)
    assert pod.end() == 0
    assert (pod.output / "starts").read_text() == "xxx"
    assert f"worker-replica-0: exited with code 1; is started again (1 of {MAX_RESTARTS})" in pod.log


def test_a_worker_that_always_fails_says_why(task):
    pod = task("worker", "raise SystemExit('no such column')")
    assert pod.end() == 1
    assert pod.log.count("is started again") == MAX_RESTARTS
    assert pod.outcome.exit_code == 1


def test_a_worker_that_is_told_to_stop_is_one_that_the_operator_makes_again(task):
    script = "import time\nprint('ready', flush=True)\ntime.sleep(60)"
    # Katib puts a shell around the master alone; this one tells the program's own code.
    pod = task("worker", script, words=("||", "echo", "failed with $?"))
    assert b"ready" in pod.process.stdout.readline()
    os.kill(pod.child(), signal.SIGTERM)
    pod.end()
    assert "was told to stop" in pod.outcome.message
    assert "failed with 143" in pod.log


def test_a_pod_that_is_told_of_no_task_is_refused(tmp_path):
    pod = Pod(tmp_path / "pod", REPORTS, spec={"tasks": {Role.WORKER: 1}}, environment={"TF_CONFIG": ""})
    assert pod.end() != 0
    assert "TF_CONFIG: does not say which task this pod is" in pod.log
