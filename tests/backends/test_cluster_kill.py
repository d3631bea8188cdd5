"""Trials of several tasks, any process of which is killed at random moments.

HPTUNE_CLUSTER_KILLS=100 kills as often as that; the default is for every day.
"""

import json
import os
import random
import signal
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path

from test_kill import SEED, Job, assert_ended_well, assert_nothing_lost, processes, read_if_there
from tiny_jobs import PRELUDE, job_text

__all__ = ["processes"]

KILLS = int(os.environ.get("HPTUNE_CLUSTER_KILLS", "8"))
MAX_TRIALS = 4
VICTIMS = ("master", "worker", "ps", "supervisor", "hptune")
# The master asks a worker and a server for a word, and lets the worker go when it has measured.
BODY = """
import json, socket
config = json.loads(os.environ["TF_CONFIG"])
kind = config["task"]["type"]
def address(kind):
    host, port = config["cluster"][kind][0].split(":")
    return host, int(port)
def ask(kind, word):
    for _ in range(500):
        try:
            with socket.create_connection(address(kind)) as connection:
                connection.sendall(word)
                return connection.recv(10)
        except OSError:
            time.sleep(0.02)
if kind == "master":
    print(f"accuracy={x / 2}", flush=True)
    ask("worker", b"work")
    ask("ps", b"keep")
    time.sleep(0.15)
    print(f"accuracy={x}", flush=True)
    ask("worker", b"end")
else:
    # As careless as a worker can be: its numbers are not the trial's.
    print("accuracy=7", flush=True)
    server = socket.create_server(address(kind))
    word = b""
    while word != b"end":
        connection, _ = server.accept()
        word = connection.recv(10)
        connection.sendall(b"done")
        connection.close()
"""
TIER = {
    "scaleTier": "CUSTOM",
    "masterType": "standard",
    **{f"{role}Type": "standard" for role in ("worker", "parameterServer")},
    **{f"{role}Count": 1 for role in ("worker", "parameterServer")},
}


class ClusterJob(Job):
    """A job whose trials are a master, a worker and a parameter server."""

    def __init__(self, directory, processes):
        super().__init__(directory, processes)
        (directory / "trainer" / "task.py").write_text(PRELUDE + BODY)
        text = job_text(maxTrials=MAX_TRIALS, maxParallelTrials=2, maxFailedTrials=MAX_TRIALS)
        (directory / "hptune.yaml").write_text(json.dumps({**json.loads(text), **TIER}))

    def victims(self, kind):
        """Ids of the processes of a kind."""
        return [pid for pid in self.trial_processes() if kind_of(pid) == kind]


def kind_of(pid):
    variables = read_if_there(Path(f"/proc/{pid}/environ")).split(b"\0")
    told = next((each for each in variables if each.startswith(b"TF_CONFIG=")), None)
    if told is None:
        is_trial = b"hptune.trial" in read_if_there(Path(f"/proc/{pid}/cmdline")).split(b"\0")
        return "supervisor" if is_trial else "hptune"
    return json.loads(told.partition(b"=")[2])["task"]["type"]


def run_with_kills(job, left, rng):
    """Runs a job to its end, processes of it killed as often as ``left`` says; counts them down."""
    before, process = {}, job.start()
    while process.is_alive():
        process.join(rng.uniform(0.1, 0.9))
        kind = rng.choice(VICTIMS)
        if not left["kills"] or not process.is_alive():
            continue
        if kind == "hptune":
            process.kill()
            process.join()
            left["kills"] -= 1
            after = job.succeeded()
            assert_nothing_lost(before, after)
            before, process = after, job.start()
        elif found := job.victims(kind):
            with suppress(ProcessLookupError):
                os.kill(rng.choice(found), signal.SIGKILL)
                left["kills"] -= 1
    assert process.exitcode == 0, job.output.read_text()
    assert_nothing_lost(before, job.succeeded())


def test_clusters_killed_at_random_moments_lose_no_trial_and_leave_no_process(tmp_path, processes):
    rng, left = random.Random(SEED), {"kills": KILLS}
    for number in takewhile(lambda _: left["kills"], count()):
        job = ClusterJob(tmp_path / str(number), processes)
        run_with_kills(job, left, rng)
        assert_ended_well(job, MAX_TRIALS)
