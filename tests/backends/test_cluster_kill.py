"""Trials of several tasks, any process of which is killed at random moments.

HPTUNE_CLUSTER_KILLS=100 kills as often as that; the default is for every day.
"""

import json
import os
import random
import signal
from contextlib import suppress
from itertools import count, takewhile

from killable_jobs import KillableJob, command_line
from test_kill import SEED, assert_ended_well, assert_nothing_lost

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


class ClusterJob(KillableJob):
    """A job whose trials are a master, a worker and a parameter server."""

    def __init__(self, directory, processes):
        limits = {"maxTrials": MAX_TRIALS, "maxParallelTrials": 2, "maxFailedTrials": MAX_TRIALS}
        super().__init__(directory, processes, BODY, **limits)
        config = directory / "hptune.yaml"
        config.write_text(json.dumps({**json.loads(config.read_text()), **TIER}))

    def victims(self, kind):
        """Ids of the processes of a kind."""
        return [each.pid for each in self.processes() if kind_of(each) == kind]


def kind_of(process):
    told = process.environment().get(b"TF_CONFIG")
    if told is None:
        return "supervisor" if b"hptune.trial" in command_line(process.pid).split(b"\0") else "hptune"
    return json.loads(told)["task"]["type"]


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
