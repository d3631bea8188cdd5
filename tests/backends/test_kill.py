"""Jobs driven through the command line and killed at random moments."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path

import pytest
from contract import assert_complete, assert_results_of
from tiny_jobs import PRELUDE, job_text

from hptune.backends.local.backend import LocalBackend
from hptune.errors import JobDirError
from hptune.results.study import JobState, TrialState

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

MAX_TRIALS = 8
KILLS_OF_JOBS = 20
KILLS_OF_TRIALS = 20
PATIENCE_S = 30
SEED = 20180509
MARK = "HPTUNE_TEST_MARK"
BODY = """
print(f"step=1 accuracy={x / 2}", flush=True)
time.sleep(0.15)
print(f"step=2 accuracy={x}")
"""


def run_command_line(argv, mark, output):
    """The command line in a process that has imported it before, which is most of what it takes to start."""
    from hptune.cli import app

    os.setpgid(0, 0)
    os.environ[MARK] = mark
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    sys.argv = argv
    app.main()


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hptune.cli.app"])
    return context


class Job:
    """One job, always started by the same command."""

    def __init__(self, directory, processes):
        self._processes = processes
        self._trainer = directory / "trainer"
        self._trainer.mkdir(parents=True)
        (self._trainer / "__init__.py").touch()
        (self._trainer / "task.py").write_text(PRELUDE + BODY)
        # Failures that the test causes must not end the job.
        config = directory / "hptune.yaml"
        config.write_text(job_text(maxTrials=MAX_TRIALS, maxParallelTrials=2, maxFailedTrials=MAX_TRIALS))
        self.root = directory / "job"
        self.output = directory / "output.txt"
        self.mark = str(directory)
        flags = {"config": config, "package-path": self._trainer, "module-name": "trainer.task"}
        flags["job-dir"] = self.root
        self.argv = ["hptune", "run", "job", *(f"--{name}={value}" for name, value in flags.items())]

    def start(self):
        process = self._processes.Process(target=run_command_line, args=(self.argv, self.mark, self.output))
        process.start()
        return process

    def succeeded(self):
        """Trials that have succeeded so far, and how often the trainer of each was started."""
        try:
            trials = LocalBackend(self.root).describe().study.trials
        except JobDirError:
            # It was killed before it was on record.
            return {}
        starts = self._trainer / "starts"
        counts = Counter(map(int, starts.read_text().split() if starts.exists() else []))
        return {t.id: (t, counts[t.id]) for t in trials if t.state is TrialState.SUCCEEDED}

    def trial_processes(self):
        """Ids of the supervisors and trainers that are alive, whoever is their parent: they carry a mark."""
        mark = f"{MARK}={self.mark}\0".encode()
        environments = Path("/proc").glob("[0-9]*/environ")
        return [int(path.parent.name) for path in environments if mark in read_if_there(path)]


def read_if_there(path):
    with suppress(OSError):
        return path.read_bytes()
    return b""


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_one_of(process_ids, rng):
    """Kills one of the processes; returns whether it was there."""
    try:
        os.kill(rng.choice(process_ids), signal.SIGKILL)
    except (ProcessLookupError, IndexError):
        return False
    return True


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
            kills["trial"] -= kill_one_of(job.trial_processes(), rng)
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
    wait_until(lambda: not job.trial_processes())


def test_jobs_killed_at_random_moments_lose_nothing_and_run_nothing_twice(tmp_path, processes):
    rng = random.Random(SEED)
    kills = {"job": KILLS_OF_JOBS, "trial": KILLS_OF_TRIALS}
    for number in takewhile(lambda _: any(kills.values()), count()):
        job = Job(tmp_path / str(number), processes)
        run_with_kills(job, kills, rng)
        assert_ended_well(job, MAX_TRIALS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_stopped_by_its_user_leaves_no_process_and_can_go_on(tmp_path, processes, number):
    job = Job(tmp_path / "x", processes)
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
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output.decode()
    assert b"the same command takes it up where it was" in output
    assert b"Traceback" not in output
    assert job.trial_processes() == []
    assert LocalBackend(job.root).describe().state is JobState.CANCELLED
    run_with_kills(job, {}, random.Random(SEED))
    assert len(job.succeeded()) == MAX_TRIALS


def test_a_job_that_was_killed_is_described_as_such(tmp_path, processes):
    job = Job(tmp_path / "x", processes)
    process = job.start()
    wait_until(job.trial_processes)
    process.kill()
    process.join()
    # A process that it was about to start may have held the job's lock for another moment.
    wait_until(lambda: LocalBackend(job.root).describe().state is JobState.CANCELLED)
    status = LocalBackend(job.root).describe()
    assert status.message == "killed, or its disk was full; the same command takes it up where it was"
    wait_until(lambda: not job.trial_processes())
