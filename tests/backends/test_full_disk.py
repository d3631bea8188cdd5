"""Disks that are really full: file systems in memory, of so many bytes that another write finds no room."""

import subprocess
from contextlib import contextmanager

import pytest
from killable_jobs import PATIENCE_S, KillableJob

from hptune.backends.local.backend import LocalBackend
from hptune.results.study import JobState

SIZES_KB = (4, 12, 16, 24, 44, 156)
"""No room for the job's record; the journal; its copy; a trial; its events; the last results.json."""
ROOM_KB = 8192
MAX_TRIALS = 6
BODY = "print(f'accuracy={x}')\n"
FILLS = """
from contextlib import suppress
with suppress(OSError), open(args["job-dir"] + "/data", "wb", buffering=0) as file:
    while True:
        file.write(bytes(4096))
print("goes on", flush=True)
time.sleep(0.2)
print(f"accuracy={x}")
"""
FAILS = """
with open(args["job-dir"] + "/data", "wb", buffering=0) as file:
    for _ in range(30 if os.path.exists(scratch + "/room") else 10**6):
        file.write(bytes(4096))
print(f"accuracy={x}")
"""


FILES = (1, 7)
"""No room for the directory itself; for the journal's copy."""


def mount(place, size_kb, *options):
    command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size_kb}k", *options]), "tmpfs", str(place)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def disk(place, size_kb, *options):
    """A disk of a size; the test skips where none may be made."""
    place.mkdir()
    try:
        if (mounted := mount(place, size_kb, *options)).returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    except FileNotFoundError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def make_job(tmp_path, processes):
    def make(place, body):
        limits = {"maxTrials": MAX_TRIALS, "maxParallelTrials": 2, "maxFailedTrials": MAX_TRIALS}
        job = KillableJob(tmp_path / "beside", processes, body, **limits)
        job.root = place / "job"
        job.argv = [f"--job-dir={job.root}" if each.startswith("--job-dir") else each for each in job.argv]
        return job

    return make


def run(job):
    """Runs a job's command; returns its exit code, and what it printed this time."""
    before = len(job.output.read_text()) if job.output.exists() else 0
    process = job.start()
    process.join(PATIENCE_S)
    return process.exitcode, job.output.read_text()[before:]


def assert_is_told(job, exit_code, output):
    assert exit_code == 1, output
    assert f"hptune: the disk of {job.root} is full (No space left on device)" in output
    assert "make room there, then the same command takes it up: what has ended is kept" in output
    assert "Traceback" not in output


def assert_goes_on(job, place):
    """Once there is room nothing is damaged, and what had succeeded is not run again."""
    before = job.succeeded()
    assert mount(place, ROOM_KB, "remount", "nr_inodes=10000").returncode == 0
    exit_code, output = run(job)
    assert exit_code == 0, output
    assert "Traceback" not in output
    assert "damaged" not in output
    after = job.succeeded()
    assert {trial_id: after.get(trial_id) for trial_id in before} == before
    status = LocalBackend(job.root).describe()
    assert status.state is JobState.SUCCEEDED
    assert sorted(after) == [*range(1, MAX_TRIALS + 1)]
    for trial, _ in after.values():
        assert trial.final.value == trial.parameters["x"]


@pytest.mark.parametrize("size_kb", SIZES_KB)
def test_a_job_whose_disk_is_full_says_so_and_goes_on_once_there_is_room(tmp_path, make_job, size_kb):
    with disk(tmp_path / "disk", size_kb) as place:
        job = make_job(place, BODY)
        assert_is_told(job, *run(job))
        assert_goes_on(job, place)


@pytest.mark.parametrize("files", FILES)
def test_a_disk_that_takes_no_more_files_is_full(tmp_path, make_job, files):
    with disk(tmp_path / "disk", ROOM_KB, f"nr_inodes={files}") as place:
        job = make_job(place, BODY)
        assert_is_told(job, *run(job))
        assert_goes_on(job, place)


@pytest.mark.parametrize("body", [FILLS, FAILS], ids=["goes on", "fails"])
def test_a_trainer_that_fills_the_jobs_disk_is_run_again_once_there_is_room(tmp_path, make_job, body):
    with disk(tmp_path / "disk", 400) as place:
        job = make_job(place, body)
        assert_is_told(job, *run(job))
        (job.scratch / "room").touch()
        if body is FILLS:
            (job.scratch / "task.py").write_text((job.scratch / "task.py").read_text().replace(FILLS, BODY))
        assert_goes_on(job, place)


def test_a_trainer_that_finds_another_disk_full_has_failed_by_itself(tmp_path, make_job):
    with disk(tmp_path / "disk", 64) as place:
        full = f"file = open('{place}/data', 'wb')\nfile.write(bytes(10**6))\nfile.close()\n"
        job = make_job(tmp_path, full)
        exit_code, output = run(job)
        assert exit_code == 1
        assert "exited with code 1: OSError: [Errno 28] No space left on device" in output
        assert "the disk of" not in output
