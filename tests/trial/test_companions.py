"""Real trials of several tasks: supervisors whose master has workers and parameter servers beside it."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from hptune.job.replicas import Role
from hptune.job.submission import Program
from hptune.storage.job_dir import JobDir
from hptune.trial.companions import MAX_RESTARTS
from hptune.trial.metrics.curve import read_curve
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TRIAL_FORM, TrialSpec

PATIENCE_S = 60
# Each task serves at its own address; the master asks the others for their names, and is so sure of them.
PRELUDE = """
import json, os, socket, sys, time
config = json.loads(os.environ["TF_CONFIG"])
task = config["task"]
name = f"{task['type']}-{task['index']}"
is_master = task["type"] in ("master", "chief")
def note(text):
    with open(os.path.join(os.environ["HPTUNE_TRIAL_DIR"], "notes"), "a") as file:
        file.write(f"{name} {text}\\n")
def serve():
    host, port = config["cluster"][task["type"]][task["index"]].split(":")
    server = socket.create_server((host, int(port)))
    while True:
        connection, _ = server.accept()
        connection.sendall(name.encode())
        connection.close()
def ask(address):
    host, port = address.split(":")
    while True:
        try:
            with socket.create_connection((host, int(port))) as connection:
                return connection.recv(100).decode()
        except OSError:
            time.sleep(0.02)
def others():
    return [a for kind in ("worker", "ps") for a in config["cluster"].get(kind, [])]
note(f"starts {os.getpid()}")
"""
MEETS_ALL = """
if is_master:
    print("accuracy=0.25", flush=True)
    print("met", *map(ask, others()), flush=True)
    print("accuracy=0.5", flush=True)
else:
    print("accuracy=0.99", flush=True)
    serve()
"""


class Clustered:
    """The supervisor of a trial of several tasks, all of which run the script."""

    def __init__(self, folder, body, tasks, *flags, **fields):
        script = folder / "trainer.py"
        script.write_text(PRELUDE + body)
        self.directory = JobDir(folder / "job").trial(1)
        program = Program(command=(sys.executable, "-S", "-u", str(script)))
        spec = TrialSpec("1", "job", "accuracy", program, self.directory, tasks=tasks, **fields)
        document = folder / "trial.json"
        document.write_text(TRIAL_FORM.text(spec))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hptune.trial", *flags, document],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self):
        self.output, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    @property
    def outcome(self):
        return Outcome.load(self.directory.outcome)

    @property
    def starts(self):
        """The process ids that each task has had, by the task's name."""
        path = self.directory.output / "notes"
        started = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            name, _, pid = line.partition(" starts ")
            if pid:
                started.setdefault(name, []).append(int(pid))
        return started

    def wait_for(self, count):
        wait_until(lambda: sum(map(len, self.starts.values())) >= count)
        return self.starts


@pytest.fixture
def cluster(tmp_path):
    started = []

    def start(body, tasks, *flags, **fields):
        started.append(Clustered(tmp_path, body, tasks, *flags, **fields))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def assert_all_gone(starts):
    wait_until(lambda: not any(is_alive(pid) for pids in starts.values() for pid in pids))


def test_the_tasks_find_one_another_and_the_master_alone_is_measured(cluster):
    trial = cluster(MEETS_ALL, {Role.WORKER: 2, Role.PS: 1})
    assert trial.end() == 0
    assert "master-replica-0\tmet worker-0 worker-1 ps-0\n" in trial.output
    assert "worker-replica-1\taccuracy=0.99\n" in trial.output
    assert [each.value for each in read_curve(trial.directory.measurements)] == [0.25, 0.5]
    assert (trial.outcome.final.value, trial.outcome.message, trial.outcome.note) == (0.5, "", "")
    assert sorted(trial.starts) == ["master-0", "ps-0", "worker-0", "worker-1"]
    assert_all_gone(trial.starts)


def test_every_task_is_told_of_the_trial_and_has_its_own_files(cluster):
    body = """
for each in ("CLOUD_ML_TRIAL_ID", "CLOUD_ML_JOB_ID", "CLOUD_ML_HP_METRIC_FILE", "TMPDIR", "PWD"):
    note(f"{each} {os.environ[each]}")
note(f"argv {sys.argv[1:]}")
note(f"config {json.dumps(config)}")
if is_master:
    while open(os.path.join(os.environ["HPTUNE_TRIAL_DIR"], "notes")).read().count("config") < 3:
        time.sleep(0.02)
    print("accuracy=1")
"""
    asked = {"useChiefInTfConfig": True, "workerCount": 1}
    tasks = {Role.WORKER: 1, Role.EVALUATOR: 1}
    trial = cluster(body, tasks, parameters={"lr": "0.1"}, training_input=asked)
    assert trial.end() == 0
    told = {}
    for line in (trial.directory.output / "notes").read_text().splitlines():
        task, what, value = line.split(" ", 2)
        told.setdefault(what, {})[task] = value
    assert set(told["CLOUD_ML_TRIAL_ID"].values()) == {"1"}
    assert set(told["CLOUD_ML_JOB_ID"].values()) == {"job"}
    assert len(set(told["argv"].values())) == 1
    assert "--lr=0.1" in told["argv"]["worker-0"]
    for own in ("CLOUD_ML_HP_METRIC_FILE", "TMPDIR", "PWD"):
        assert len(set(told[own].values())) == 3, own
    configs = {task: json.loads(text) for task, text in told["config"].items()}
    assert {task: each["task"]["type"] for task, each in configs.items()} == {
        "chief-0": "chief",
        "worker-0": "worker",
        "evaluator-0": "evaluator",
    }
    assert all(each["cluster"] == configs["chief-0"]["cluster"] for each in configs.values())
    assert sorted(configs["chief-0"]["cluster"]) == ["chief", "worker"]
    assert configs["worker-0"]["environment"] == "cloud"
    assert configs["worker-0"]["job"] == {"use_chief_in_tf_config": True, "worker_count": 1}
    assert configs["evaluator-0"]["task"]["trial"] == "1"


def test_an_evaluator_is_measured_and_waited_for(cluster):
    body = """
from pathlib import Path
if is_master:
    ask(config["cluster"]["ps"][0])
elif task["type"] == "ps":
    serve()
else:
    time.sleep(1)
    report = {"global_step": "7", "accuracy": "0.75", "trial": "1"}
    Path(os.environ["CLOUD_ML_HP_METRIC_FILE"]).write_text(json.dumps(report) + "\\n")
"""
    trial = cluster(body, {Role.PS: 1, Role.EVALUATOR: 1})
    assert trial.end() == 0
    assert (trial.outcome.final.value, trial.outcome.final.step) == (0.75, 7)


@pytest.mark.parametrize("named", [True, False])
def test_event_files_of_workers_are_not_read(cluster, tmp_path, named):
    for name, value in {"master": 0.5, "worker": 0.9}.items():
        write_summary(tmp_path / name, value)
    body = f"""
import shutil
folder = os.path.join(os.environ["HPTUNE_TRIAL_DIR"], "eval")
os.makedirs(folder, exist_ok=True)
# TensorFlow 2 and PyTorch have the process in the name; others hold the file open.
name = os.path.join(folder, "events.out.tfevents.1700000000.host")
name += f".{{os.getpid()}}.0.v2" if {named} else "." + task["type"]
file = open(name, "ab")
file.write(open(os.path.join({str(tmp_path)!r}, task["type"]), "rb").read())
file.flush()
if {named}: file.close()
if is_master:
    ask(config["cluster"]["worker"][0])
    time.sleep(0.6)
else:
    serve()
"""
    trial = cluster(body, {Role.WORKER: 1})
    assert trial.end() == 0
    assert [each.value for each in read_curve(trial.directory.measurements)] == [0.5]


def write_summary(path, value):
    summary = Summary(value=[Summary.Value(tag="accuracy", simple_value=value)])
    with path.open("wb") as file:
        RecordWriter(file).write(Event(wall_time=1.0, step=1, summary=summary).SerializeToString())


FAILS_TWICE = """
if is_master:
    print("accuracy=0.5", flush=True)
    while ask(config["cluster"]["worker"][0]) != "worker-0": pass
elif len(open(os.path.join(os.environ["HPTUNE_TRIAL_DIR"], "notes")).read().split("worker-0 starts")) < 4:
    sys.exit("out of luck")
else:
    serve()
"""


def test_a_worker_that_fails_is_started_again(cluster):
    trial = cluster(FAILS_TWICE, {Role.WORKER: 1})
    assert trial.end() == 0
    assert len(trial.starts["worker-0"]) == 3
    assert trial.outcome.message == ""
    assert trial.outcome.note == "worker-replica-0 failed and was started again (2)"
    again = "hptune: worker-replica-0 exited with code 1 and is started again (2 of 3)"
    assert f"worker-replica-0\t{again}\n" in trial.output


def test_a_worker_that_always_fails_ends_the_trial(cluster):
    trial = cluster("if not is_master: sys.exit(3)\ntime.sleep(600)", {Role.WORKER: 2, Role.PS: 1})
    assert trial.end() == 1
    assert trial.outcome.exit_code == 3
    assert trial.outcome.message.startswith("its ")
    assert trial.outcome.message.endswith(f", at the last of {MAX_RESTARTS + 1} starts: exited with code 3")
    assert_all_gone(trial.starts)


def test_a_worker_that_ends_well_has_done_its_part(cluster):
    body = """
if is_master:
    address = config["cluster"]["ps"][0]
    ask(address)
    time.sleep(1)
    print("accuracy=0.5")
elif task["type"] == "ps":
    serve()
"""
    trial = cluster(body, {Role.WORKER: 1, Role.PS: 1})
    assert trial.end() == 0
    assert len(trial.starts["worker-0"]) == 1


def test_a_master_that_fails_ends_the_trial(cluster):
    trial = cluster("if is_master: sys.exit(4)\ntime.sleep(600)", {Role.WORKER: 1, Role.PS: 1})
    assert trial.end() == 1
    assert trial.outcome.message == "exited with code 4"
    assert_all_gone(trial.starts)


def test_the_time_limit_is_one_of_all_tasks(cluster):
    trial = cluster("time.sleep(600)", {Role.WORKER: 2}, time_limit_s=1.0)
    assert trial.end() == 1
    assert trial.outcome.timed_out
    assert_all_gone(trial.starts)


def test_other_ports_are_tried_where_one_was_taken(cluster):
    body = """
notes = os.path.join(os.environ["HPTUNE_TRIAL_DIR"], "notes")
if is_master:
    print("met", *map(ask, others()), flush=True)
    print("accuracy=0.5")
elif task["type"] == "worker" and open(notes).read().count("worker-0 starts") == 1:
    host, port = config["cluster"]["worker"][0].split(":")
    thief = socket.create_server((host, int(port)))
    serve()
else:
    serve()
"""
    trial = cluster(body, {Role.WORKER: 1, Role.PS: 1})
    assert trial.end() == 0
    assert "Address already in use" in trial.output
    assert "master-replica-0\tmet worker-0 ps-0\n" in trial.output
    assert trial.outcome.note == ""
    assert len(trial.starts["worker-0"]) == 2


@pytest.mark.parametrize("victim", ["supervisor", "whoever started it"])
def test_no_task_outlives_its_supervisor(cluster, victim):
    trial = cluster(
        "serve() if not is_master else time.sleep(600)", {Role.WORKER: 2, Role.PS: 1}, "--stop-with-stdin"
    )
    starts = trial.wait_for(4)
    if victim == "supervisor":
        trial.process.kill()
    else:
        trial.process.communicate(timeout=PATIENCE_S)
    assert_all_gone(starts)
    assert trial.outcome is None


def test_a_trial_that_is_told_to_stop_stops_every_task(cluster):
    trial = cluster("serve() if not is_master else time.sleep(600)", {Role.WORKER: 1, Role.PS: 1})
    starts = trial.wait_for(3)
    trial.process.send_signal(signal.SIGTERM)
    trial.end()
    assert trial.outcome is None
    assert_all_gone(starts)
