"""Whatever of a job is killed, and whatever its trainers have started: nothing is left running."""

import json
import os
import random
import sys
from collections import defaultdict

import pytest
from killable_jobs import PATIENCE_S, KillableJob, command_line, is_alive, kill, wait_until

from hptune.backends.local.backend import LocalBackend
from hptune.results.study import JobState
from hptune.runtimes.processes import Process, all_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

KILLS = int(os.environ.get("HPTUNE_TEST_KILLS", "1"))
"""How often each is killed."""
SEED = 20180509
# The first attempt of a trial leaves programs and forks, in its own group and out of it; then it is killed.
BODY = """
import json, subprocess
attempt = open(os.path.join(scratch, "starts")).read().split().count(str(trial))
told = os.path.join(scratch, f"started-{trial}.json")
before = json.load(open(told)) if os.path.exists(told) else {}
def runs(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
beside = [name for name, pid in before.items() if runs(pid)]
if beside:
    with open(os.path.join(scratch, "beside"), "a") as file:
        file.write(f"trial {trial}, attempt {attempt}: {beside}\\n")
def fork(leaves):
    reads, writes = os.pipe()
    if os.fork() == 0:
        if leaves:
            os.setsid()
        if os.fork() == 0:
            os.write(writes, str(os.getpid()).encode())
            time.sleep(600)
        os._exit(0)
    os.wait()
    return int(os.read(reads, 20))
if attempt == 1:
    with open(os.path.join(os.environ["TMPDIR"], "model.bin"), "w") as file:
        file.write("left")
    started = {
        "trainer": os.getpid(),
        "child": subprocess.Popen(["sleep", "600"]).pid,
        "daemon": subprocess.Popen(["sleep", "600"], start_new_session=True).pid,
        "fork": fork(False),
        "forked daemon": fork(True),
    }
    with open(told + ".new", "w") as file:
        json.dump(started, file)
    os.rename(told + ".new", told)
    time.sleep(600)
print(f"accuracy={x}", flush=True)
"""


def victims(job, hptune):
    """The processes of the job whose trial 1 runs, by what they are."""
    below = defaultdict(list)
    for each in all_processes():
        below[each.parent].append(each.pid)
    found = {"hptune": hptune, "trainer": started(job)["trainer"]}
    for each in below[hptune]:
        found["nursery" if b"nursery" in command_line(each) else "zygote"] = each
    (found["supervisor"],) = below[found["nursery"]]
    parent = Process.read(found["trainer"]).parent
    return found if parent == found["supervisor"] else {**found, "keeper": parent}


def started(job):
    """What the first attempt of the trial has started."""
    path = job.scratch / "started-1.json"
    return json.loads(path.read_text()) if path.exists() else {}


def start_and_kill(directory, processes, who, rng, *flags):
    """A job some of whose processes were killed while its trial ran; and its command's process."""
    job = KillableJob(directory, processes, BODY, *flags, maxTrials=1)
    process = job.start()
    wait_until(lambda: started(job))
    found = victims(job, process.pid)
    chosen = [pid for name, pid in found.items() if name in who or who == ("all",)]
    rng.shuffle(chosen)
    assert chosen
    for pid in chosen:
        kill(pid)
    return job, process


def assert_ends_well(job, process):
    process.join(PATIENCE_S)
    assert process.exitcode == 0, job.output.read_text()
    beside = job.scratch / "beside"
    assert not beside.exists(), beside.read_text()
    assert LocalBackend(job.root).describe().state is JobState.SUCCEEDED
    wait_until(lambda: not job.processes())
    assert [*job.temporary.iterdir()] == []


def alive(job):
    return [name for name, pid in started(job).items() if is_alive(pid)]


@pytest.mark.parametrize("flags", [(), ("--cold",)], ids=["warm", "cold"])
@pytest.mark.parametrize(
    "who",
    [("trainer",), ("supervisor",), ("keeper",), ("nursery",), ("zygote",), ("supervisor", "nursery")],
    ids="+".join,
)
def test_what_is_killed_below_a_job_leaves_nothing_beside_the_next_attempt(tmp_path, processes, who, flags):
    if flags and {*who} & {"keeper", "zygote"}:
        pytest.skip("a cold trial has no zygote")
    rng = random.Random(SEED)
    for number in range(KILLS):
        job, process = start_and_kill(tmp_path / str(number), processes, who, rng, *flags)
        if who in (("nursery",), ("zygote",)):
            # The trial goes on without them; the trainer waits for its end.
            kill(started(job)["trainer"])
        assert_ends_well(job, process)
        assert alive(job) == []


@pytest.mark.parametrize("flags", [(), ("--cold",)], ids=["warm", "cold"])
@pytest.mark.parametrize("who", [("hptune",), ("hptune", "supervisor")], ids="+".join)
def test_what_is_killed_with_its_job_leaves_nothing_though_nobody_takes_it_up(
    tmp_path, processes, who, flags
):
    rng = random.Random(SEED)
    for number in range(KILLS):
        job, process = start_and_kill(tmp_path / str(number), processes, who, rng, *flags)
        process.join()
        wait_until(lambda job=job: alive(job) == [] and not job.processes())
        assert_ends_well(job, job.start())


@pytest.mark.parametrize("flags", [(), ("--cold",)], ids=["warm", "cold"])
def test_what_is_left_when_all_are_killed_at_once_ends_before_the_next_attempt(tmp_path, processes, flags):
    rng = random.Random(SEED)
    for number in range(KILLS):
        job, process = start_and_kill(tmp_path / str(number), processes, ("all",), rng, *flags)
        process.join()
        if not flags:
            # Forked from the zygote, with nothing that tells whose it is: nobody can know it.
            kill(started(job)["forked daemon"])
        assert_ends_well(job, job.start())
        assert alive(job) == []
