"""Jobs driven through the command line and killed at random moments."""

import json
import os
import random
import signal
import subprocess
import sys
import sysconfig
from itertools import count, takewhile
from pathlib import Path

import pytest
from contract import assert_complete, assert_results_of
from killable_jobs import MARK, PATIENCE_S, KillableJob, kill, wait_until

from hptune.backends.local.backend import LocalBackend
from hptune.results.study import JobState

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

MAX_TRIALS = 8
KILLS_OF_JOBS = 20
KILLS_OF_TRIALS = 20
SEED = 20180509
BODY = """
print(f"step=1 accuracy={x / 2}", flush=True)
time.sleep(0.15)
print(f"step=2 accuracy={x}")
"""


# Beyond the second trial it waits, until the test has stopped the job.
WAITS = f"""
while trial > 2 and not os.path.exists(scratch + "/stopped"):
    time.sleep(0.02)
{BODY}"""


def make_job(directory, processes, body=BODY):
    # Failures that the test causes must not end the job.
    limits = {"maxTrials": MAX_TRIALS, "maxParallelTrials": 2, "maxFailedTrials": MAX_TRIALS}
    return KillableJob(directory, processes, body, **limits)


def assert_nothing_lost(before, after):
    """What had succeeded is as it was, and its trainer has not been started again."""
    assert {trial_id: after.get(trial_id) for trial_id in before} == before


def run_with_kills(job, kills, rng):
    """Runs a job to its end, killed as often as ``kills`` says or as there is time for; counts them down."""
    before, process = {}, job.start()
    while process.is_alive():
        process.join(rng.uniform(0.05, 0.6))
        victim = rng.choice([victim for victim in kills if kills[victim]] or ["none"])
        if victim == "trial":
            running = [each.pid for each in job.processes()]
            kills["trial"] -= bool(running) and kill(rng.choice(running))
        elif victim == "job" and process.is_alive():
            process.kill()
            process.join()
            kills["job"] -= 1
            after = job.succeeded()
            assert_nothing_lost(before, after)
            before, process = after, job.start()
    assert process.exitcode == 0, job.output.read_text()
    assert_nothing_lost(before, job.succeeded())


def assert_ended_well(job, max_trials):
    """Each trial is there once, with what its own trainer measured, and no process is."""
    status = LocalBackend(job.root).describe()
    assert status.state is JobState.SUCCEEDED
    assert_complete(status.study, max_trials, LocalBackend(job.root).recall().job.space)
    assert_results_of(status.study, json.loads((job.root / "results.json").read_text())["trainingOutput"])
    for trial in status.study.trials:
        assert trial.final is None or trial.final.value == trial.parameters["x"]
    assert "Traceback" not in job.output.read_text()
    wait_until(lambda: not job.processes())


def test_jobs_killed_at_random_moments_lose_nothing_and_run_nothing_twice(tmp_path, processes):
    rng = random.Random(SEED)
    kills = {"job": KILLS_OF_JOBS, "trial": KILLS_OF_TRIALS}
    for number in takewhile(lambda _: any(kills.values()), count()):
        job = make_job(tmp_path / str(number), processes)
        run_with_kills(job, kills, rng)
        assert_ended_well(job, MAX_TRIALS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_stopped_by_its_user_leaves_no_process_and_can_go_on(tmp_path, processes, number):
    job = make_job(tmp_path / "x", processes, WAITS)
    script = Path(sysconfig.get_path("scripts")) / "hptune"
    process = subprocess.Popen(
        [script, *job.argv[1:]],
        env={**os.environ, MARK: job.mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    wait_until(job.succeeded)
    # As a terminal does it: to the whole foreground group.
    os.killpg(process.pid, number)
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        # Its trials would wait for ever.
        process.kill()
    assert process.returncode == 130, output.decode()
    assert b"the same command takes it up where it was" in output
    assert b"Traceback" not in output
    assert job.processes() == []
    assert LocalBackend(job.root).describe().state is JobState.CANCELLED
    (job.scratch / "stopped").touch()
    run_with_kills(job, {}, random.Random(SEED))
    assert len(job.succeeded()) == MAX_TRIALS


def test_a_job_that_was_killed_is_described_as_such(tmp_path, processes):
    job = make_job(tmp_path / "x", processes)
    process = job.start()
    wait_until(job.processes)
    process.kill()
    process.join()
    # A process that it was about to start may have held the job's lock for another moment.
    wait_until(lambda: LocalBackend(job.root).describe().state is JobState.CANCELLED)
    status = LocalBackend(job.root).describe()
    assert status.message == "killed, or its disk was full; the same command takes it up where it was"
    wait_until(lambda: not job.processes())
