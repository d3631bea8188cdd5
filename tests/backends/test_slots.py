import os
from dataclasses import replace

import pytest
from tiny_jobs import Job

from hptune.backends.local.slots import Slot, by_physical_core, machine_cores, machine_gpus, share
from hptune.errors import HptuneError
from hptune.results.study import TrialState


def test_cores_are_split_without_overlap_and_without_rest():
    slots = share(3, range(8), ())
    assert sorted(core for slot in slots for core in slot.cores) == list(range(8))
    assert {len(slot.cores) for slot in slots} == {2, 3}


def test_slots_share_no_physical_core_on_a_stand_in_for_a_kernels_topology(tmp_path):
    places = {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1), 4: (0, 0), 5: (0, 1), 6: (1, 0), 7: (1, 1)}
    for core, (socket, physical) in places.items():
        folder = tmp_path / f"cpu{core}" / "topology"
        folder.mkdir(parents=True)
        (folder / "physical_package_id").write_text(f"{socket}\n")
        (folder / "core_id").write_text(f"{physical}\n")
    slots = share(4, by_physical_core(range(8), tmp_path), ())
    assert [slot.cores for slot in slots] == [(0, 4), (1, 5), (2, 6), (3, 7)]


def test_cores_of_which_the_kernel_tells_nothing_keep_their_order(tmp_path):
    assert by_physical_core({3, 1, 2}, tmp_path) == (1, 2, 3)


def test_the_machines_cores_are_those_that_this_process_may_use():
    assert sorted(machine_cores()) == sorted(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("gpus", "expected", "shared"),
    [
        ((), [(), ()], False),
        (("0",), [("0",), ("0",)], True),
        (("0", "1"), [("0",), ("1",)], False),
        (("0", "1", "2"), [("0",), ("1", "2")], False),
    ],
)
def test_gpus_are_split_and_shared_where_there_are_fewer_than_slots(gpus, expected, shared):
    slots = share(2, range(4), gpus)
    assert [slot.gpus for slot in slots] == expected
    assert {slot.shares_gpus for slot in slots} == {shared}


def test_the_only_slot_has_the_machine_and_changes_nothing():
    [slot] = share(1, range(4), ())
    assert slot.environment({"HOME": "/me"}) == {"HOME": "/me"}


def test_the_only_slot_names_the_machines_gpus():
    [slot] = share(1, range(4), ("0", "1"))
    assert slot.environment({"HOME": "/me"}) == {"HOME": "/me", "CUDA_VISIBLE_DEVICES": "0,1"}


def test_a_share_limits_threads_and_shows_its_gpus():
    slot = Slot((0, 2), ("1",), shares_gpus=True, whole=False)
    assert slot.environment({}) == {
        "OMP_NUM_THREADS": "2",
        "TF_NUM_INTRAOP_THREADS": "2",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "CUDA_VISIBLE_DEVICES": "1",
    }


def test_what_the_user_set_stays_but_for_the_gpus():
    slot = Slot((0, 2), ("1",), whole=False)
    environment = slot.environment({"OMP_NUM_THREADS": "8", "CUDA_VISIBLE_DEVICES": "0,1"})
    assert (environment["OMP_NUM_THREADS"], environment["CUDA_VISIBLE_DEVICES"]) == ("8", "1")


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a program of this name in front of all others."""

    def put(script):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return put


def test_the_drivers_tool_names_the_gpus(nvidia_smi):
    nvidia_smi("echo 0; echo 1")
    assert machine_gpus() == ("0", "1")


@pytest.mark.parametrize("script", ["echo 'no driver' >&2; exit 9", "echo 'no driver'; exit 9"])
def test_a_driver_that_does_not_answer_is_told(nvidia_smi, script):
    nvidia_smi(script)
    with pytest.raises(HptuneError, match="nvidia-smi failed: no driver; set CUDA_VISIBLE_DEVICES="):
        machine_gpus()


@pytest.mark.parametrize(("visible", "gpus"), [("", ()), ("0", ("0",)), ("GPU-a,GPU-b", ("GPU-a", "GPU-b"))])
def test_the_user_may_choose_the_gpus(monkeypatch, visible, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine_gpus() == gpus


# Goes on when as many trials have begun as are to run at once.
WAITS_FOR_ALL = """
while len(open(os.path.join(scratch, "starts")).read().split()) < 50:
    time.sleep(0.1)
print(f"accuracy={x}")
"""


def test_as_many_trials_run_at_once_as_a_user_asks_for(make_job):
    job = make_job(WAITS_FOR_ALL, maxTrials=50, maxParallelTrials=50)
    study = Job(replace(job.submission, slots=50), job.scratch).run()
    assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] * 50
    assert sorted(job.starts) == [*range(1, 51)]


def test_fewer_slots_than_cores_run_fewer_trials_at_once(make_job):
    body = """
with open(os.path.join(scratch, "log"), "a") as file:
    file.write("begin ")
time.sleep(0.2)
with open(os.path.join(scratch, "log"), "a") as file:
    file.write("end ")
print(f"accuracy={x}")
"""
    job = make_job(body, maxTrials=3, maxParallelTrials=3)
    Job(replace(job.submission, slots=1), job.scratch).run()
    assert (job.scratch / "log").read_text().split() == ["begin", "end"] * 3
