"""What is ended of an earlier attempt, and what is not: real processes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hptune.runtimes.processes import Process, all_processes
from hptune.storage.job_dir import JobDir
from hptune.trial.environment import TRIAL_DIR_VARIABLE
from hptune.trial.strays import end_strays, record_group

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

ENDS_STRAYS = """
import sys
from pathlib import Path
from hptune.storage.job_dir import JobDir
from hptune.trial.strays import end_strays
end_strays(JobDir(Path(sys.argv[1])).trial(1))
"""


@pytest.fixture
def directory(tmp_path):
    directory = JobDir(tmp_path).trial(1)
    directory.state.mkdir(parents=True)
    directory.output.mkdir(parents=True)
    return directory


@pytest.fixture
def sleep():
    started = []

    def start(**options):
        started.append(subprocess.Popen(["sleep", "600"], **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def record(directory, text):
    directory.trainer_pid.write_text(text)


def test_a_group_that_was_recorded_is_ended(directory, sleep):
    process = sleep(process_group=0)
    with directory.trainer_pid.open("w") as file:
        record_group(file, process.pid)
    end_strays(directory)
    assert process.wait() == -signal.SIGKILL


def test_a_group_that_has_the_number_of_a_former_one_is_not(directory, sleep):
    process = sleep(process_group=0)
    now = Process.read(process.pid)
    # Of a trainer in another session; and of one that started later than this.
    for text in (
        f"{now.group} {now.session + 1} {now.started}",
        f"{now.group} {now.session} {now.started + 1}",
    ):
        record(directory, text)
        end_strays(directory)
        assert process.poll() is None


@pytest.mark.parametrize("text", ["", "1 1 0", "-1 0 0", "9" * 60, "\0\xff 1 1", "x y z", "1 2"])
def test_a_record_that_a_trainer_has_spoilt_ends_nothing(directory, sleep, text):
    process = sleep(process_group=0)
    record(directory, text)
    end_strays(directory)
    assert process.poll() is None


def test_what_carries_the_trials_mark_is_ended_wherever_it_is(directory, sleep):
    link = directory.output.with_name("link")
    link.symlink_to(directory.output)
    places = [str(directory.output), f"{directory.output}/", str(link)]
    marked = [sleep(env={TRIAL_DIR_VARIABLE: place}, start_new_session=True) for place in places]
    other = sleep(env={TRIAL_DIR_VARIABLE: f"{directory.output}1"}, start_new_session=True)
    end_strays(directory)
    assert [process.wait() for process in marked] == [-signal.SIGKILL] * 3
    assert other.poll() is None


def test_who_has_set_the_mark_by_hand_is_not_ended(directory, sleep, tmp_path):
    environment = {**os.environ, TRIAL_DIR_VARIABLE: str(directory.output)}
    beside = sleep(env=environment, start_new_session=True)
    script = f'"{sys.executable}" -c "$0" "{tmp_path}"; echo alive'
    shell = subprocess.run(
        ["/bin/sh", "-c", script, ENDS_STRAYS], env=environment, capture_output=True, text=True, check=False
    )
    assert (shell.returncode, shell.stdout) == (0, "alive\n"), shell.stderr
    assert beside.wait() == -signal.SIGKILL


def test_what_is_forked_while_it_is_ended_is_ended_too(directory):
    script = "while :; do sleep 600 & sleep 0.01; done"
    process = subprocess.Popen(["/bin/sh", "-c", script], process_group=0)

    def members():
        return [each for each in all_processes() if each.group == process.pid and not each.is_zombie]

    with directory.trainer_pid.open("w") as file:
        record_group(file, process.pid)
    while len(members()) < 5:
        time.sleep(0.01)
    end_strays(directory)
    assert process.wait() == -signal.SIGKILL
    assert members() == []
