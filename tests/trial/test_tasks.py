"""What the tasks of one trial are told."""

import socket

import pytest

from hptune.job.replicas import Role
from hptune.trial.tasks import MASTER, Task, here, of_pods, own_gpus, read_task, tf_config

COUNTS = {Role.WORKER: 2, Role.PS: 1}


def test_every_task_but_the_evaluator_has_an_address_of_its_own_that_is_free():
    addresses = here({**COUNTS, Role.EVALUATOR: 1}, {})
    assert {kind: len(each) for kind, each in addresses.items()} == {"master": 1, "worker": 2, "ps": 1}
    every = [address for each in addresses.values() for address in each]
    assert len(set(every)) == 4
    for address in every:
        with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
            pass


@pytest.mark.parametrize("task", [MASTER, Task(Role.WORKER, 1), Task(Role.PS), Task(Role.EVALUATOR)])
@pytest.mark.parametrize("asked", [{}, {"useChiefInTfConfig": True}])
def test_tf_config_is_read_as_it_is_written(task, asked):
    assert read_task(tf_config(task, "3", here(COUNTS, asked), asked)) == task


@pytest.mark.parametrize("text", ["", "{}", '{"task": {"type": "boss", "index": 0}, "cluster": {}}', "[]"])
def test_what_is_no_tf_config_is_refused(text):
    with pytest.raises(ValueError, match=r"\S"):
        read_task(text)


@pytest.mark.parametrize(
    ("visible", "master", "workers", "shared"),
    [
        ("0,1,2", "0", ["1", "2"], False),
        ("0,1,2,3,4,5", "0,3", ["1,4", "2,5"], False),
        ("0,1", "0", ["1", "0"], True),
        ("7", "7", ["7", "7"], True),
    ],
)
def test_master_and_workers_share_the_gpus_and_servers_see_none(visible, master, workers, shared):
    base = {"CUDA_VISIBLE_DEVICES": visible}
    given = [own_gpus(base, task, COUNTS) for task in (MASTER, *(Task(Role.WORKER, i) for i in range(2)))]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in given] == [master, *workers]
    assert {"TF_FORCE_GPU_ALLOW_GROWTH" in each for each in given} == {shared}
    assert own_gpus(base, Task(Role.PS), COUNTS) == {"CUDA_VISIBLE_DEVICES": ""}


def test_pods_are_found_by_the_names_of_their_services():
    assert of_pods("job-1", {Role.WORKER: 2, Role.EVALUATOR: 1}, {"useChiefInTfConfig": True}) == {
        "chief": ["job-1-chief-0:2222"],
        "worker": ["job-1-worker-0:2222", "job-1-worker-1:2222"],
    }


def test_where_there_are_no_gpus_nothing_is_said():
    assert own_gpus({}, Task(Role.PS), COUNTS) == {}
    assert own_gpus({"CUDA_VISIBLE_DEVICES": "0"}, MASTER, {}) == {}
