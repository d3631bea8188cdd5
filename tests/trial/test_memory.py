"""What is said of trainers that the kernel ended for want of memory."""

import os

import pytest
from test_supervise import Supervised

from hptune.trial.memory import Memory, explain
from tests.control_groups import HOARDS, control_group

MIB, GIB = 2**20, 2**30


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


MACHINE = {"vmstat": "nr_free_pages 1\noom_kill 7\n", "meminfo": "MemTotal:       25165824 kB\n"}
SECOND = {
    "group/memory.events": "oom 4\noom_kill 3\noom_group_kill 0\n",
    "group/memory.max": f"{200 * MIB}\n",
}
FIRST = {
    "memory/group/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    "memory/group/memory.limit_in_bytes": f"{200 * MIB}\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
}
NO_LIMIT = {"memory.max": "max\n", "memory.events": "oom 1\noom_kill 1\n"}


@pytest.mark.parametrize(
    ("membership", "groups", "kills", "limit"),
    [
        ("0::/group\n", SECOND, 3, 200 * MIB),
        ("9:cpu,cpuacct:/x\n8:memory:/group\n0::/\n", FIRST, 3, 200 * MIB),
        ("0::/../../kubepods/group\n", NO_LIMIT, 1, None),
        (
            "8:memory:/kubepods/pod7/abc\n",
            {f"memory/{name.split('/')[-1]}": text for name, text in FIRST.items()},
            3,
            None,
        ),
        ("0::/group/inner\n", {**SECOND, "group/inner/memory.events": "oom_kill 2\n"}, 2, 200 * MIB),
        ("", {}, None, None),
    ],
    ids=["v2", "v1", "v2-container", "v1-container", "limit-above", "none"],
)
def test_the_kernel_is_asked_for_its_counters_and_its_limits(tmp_path, membership, groups, kills, limit):
    processes, folder = tmp_path / "proc", tmp_path / "cgroup"
    write(processes, {**MACHINE, "self/cgroup": membership})
    write(folder, groups)
    assert Memory.now(processes, folder) == Memory(kills, 7, limit, 24 * GIB)


def test_a_system_that_says_nothing_is_asked_in_vain(tmp_path):
    assert Memory.now(tmp_path / "none", tmp_path / "none") == Memory(None, None, None, None)


@pytest.mark.parametrize(
    ("exit_code", "in_pod", "before", "after", "words"),
    [
        (
            -9,
            True,
            (0, 0),
            (1, 1),
            "out of memory: the kernel ended it at the limit of 200 MiB; --memory gives",
        ),
        (
            137,
            True,
            (0, 0),
            (1, 1),
            "out of memory: the kernel ended it at the limit of 200 MiB; --memory gives",
        ),
        (1, True, (0, 0), (1, 1), "out of memory: the kernel ended a process of it at the limit of 200 MiB"),
        (
            -9,
            False,
            (0, 0),
            (1, 1),
            "out of memory: the kernel ended it at the limit of 200 MiB that this machine",
        ),
        (
            -9,
            False,
            (0, 0),
            (0, 1),
            "probably out of memory: the kernel ended a process when the machine's 24 GiB",
        ),
        (-9, False, (None, 0), (None, 1), "probably out of memory: the kernel ended a process"),
        (1, False, (0, 0), (1, 1), ""),
        (0, True, (0, 0), (1, 1), ""),
        (-9, True, (4, 4), (4, 4), ""),
        (-11, True, (0, 0), (0, 1), ""),
        (-9, False, (None, None), (None, None), ""),
    ],
)
def test_only_what_the_kernel_has_counted_is_called_want_of_memory(exit_code, in_pod, before, after, words):
    was, is_ = (Memory(*kills, 200 * MIB, 24 * GIB) for kills in (before, after))
    said = explain(was, is_, exit_code, in_pod=in_pod)
    assert said.startswith(words)
    assert bool(said) == bool(words)


def test_what_the_machine_had_is_told_with_what_to_do():
    was, is_ = Memory(0, 0, None, 24 * GIB), Memory(1, 1, None, 24 * GIB)
    said = explain(was, is_, -9, in_pod=False)
    assert said == (
        "out of memory: the kernel ended it when the machine's 24 GiB were used up; fewer trials at once "
        "(--parallel-trial-count) leave more for each"
    )
    assert explain(was, is_, -9, in_pod=True) == (
        "out of memory: the kernel ended it when its node had no more; --memory gives each trial more"
    )


def test_a_trainer_that_the_kernel_really_ends_says_so_with_its_limit(tmp_path):
    with control_group() as group:

        def enter():
            (group / "cgroup.procs").write_text(str(os.getpid()))

        trial = Supervised(tmp_path, HOARDS, popen={"preexec_fn": enter})
        trial.end()
    assert trial.outcome.exit_code == -9
    assert trial.outcome.message.startswith("out of memory: the kernel ended it at the limit of 160 MiB")
