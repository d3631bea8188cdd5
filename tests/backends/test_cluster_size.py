"""How many tasks a machine bears, and what becomes of a job whose trials have more."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hptune.backends.local.cluster_size import Capacity, fitted, shrunk
from hptune.errors import UsageError
from hptune.job.replicas import Role, capped
from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import parse_job

GIB = 2**30
ALONE = "import tensorflow as tf\nmodel = tf.keras.Sequential()\n"
SMALL = Capacity(2, 24 * GIB)


def submission_of(**training):
    params = [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]
    text = json.dumps({**training, "hyperparameters": {"params": params}})
    return Submission("job", parse_job(text, "job.yaml"), Program("trainer.task"), (), str(Path("job")))


def custom(**counts):
    fields = {f"{role}Count": count for role, count in counts.items()}
    types = {f"{role}Type": "standard" for role in counts}
    return submission_of(scaleTier="CUSTOM", masterType="standard", **fields, **types)


def test_a_tier_has_the_tasks_that_the_service_gave_it():
    assert submission_of(scaleTier="STANDARD_1").task_counts == {Role.WORKER: 4, Role.PS: 3}
    assert submission_of(scaleTier="PREMIUM_1").task_counts == {Role.WORKER: 19, Role.PS: 11}
    assert submission_of(scaleTier="BASIC").task_counts == {}


def test_the_machine_bears_what_its_cores_and_its_memory_do():
    assert Capacity(2, None).tasks == 16
    assert Capacity(2, 24 * GIB).tasks == 16
    assert Capacity(64, 24 * GIB).tasks == 48
    assert Capacity(2, GIB // 4).tasks == 1
    assert Capacity(64, 24 * GIB).trials_at_once(8) == 6
    assert SMALL.trials_at_once(20) == 1


def test_a_job_that_the_machine_bears_is_run_as_asked():
    asked = submission_of(scaleTier="STANDARD_1")
    assert fitted(asked, None, SMALL) == asked
    assert fitted(asked, "max", SMALL) == asked
    assert fitted(asked, "8", SMALL) == asked
    assert shrunk(asked) == ""


def test_a_cluster_that_is_too_big_is_refused_with_numbers():
    with pytest.raises(UsageError) as caught:
        fitted(submission_of(scaleTier="PREMIUM_1"), None, SMALL)
    [fault] = caught.value.faults
    assert fault.place == "job.yaml: scaleTier"
    assert "a cluster of 31 tasks (1 master, 19 workers, 11 parameter servers)" in fault.problem
    assert "this machine, with 2 cores and 24 GiB of memory, bears 16" in fault.problem
    assert "--cluster-size max" in fault.problem


def test_max_keeps_the_shares_of_a_cluster_and_says_so():
    fitting = fitted(submission_of(scaleTier="PREMIUM_1"), "max", SMALL)
    assert fitting.cluster_size == 16
    assert fitting.task_counts == {Role.WORKER: 9, Role.PS: 6}
    assert shrunk(fitting) == (
        "each trial has 1 master, 9 workers, 6 parameter servers on this machine, "
        "where the job file asks for 1 master, 19 workers, 11 parameter servers"
    )


def test_one_task_is_the_master_alone():
    assert fitted(submission_of(scaleTier="STANDARD_1"), "1", SMALL).task_counts == {}
    tiny = Capacity(1, GIB)
    assert fitted(submission_of(scaleTier="STANDARD_1"), "max", tiny).task_counts == {}


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        ("0", "must be a number of tasks from 1 on, or max"),
        ("-1", "must be a number of tasks"),
        ("all", "must be a number of tasks"),
        ("3", "must be 1, the master alone, or at least 4, one task of each role"),
        ("40", "a cluster of 40 tasks"),
    ],
)
def test_a_size_that_is_none_is_refused(size, problem):
    with pytest.raises(UsageError) as caught:
        fitted(custom(worker=30, parameterServer=8, evaluator=1), size, SMALL)
    [fault] = caught.value.faults
    assert fault.place == "--cluster-size"
    assert problem in fault.problem


@pytest.mark.parametrize("size", range(4, 12))
def test_no_role_is_left_out_of_a_smaller_cluster(size):
    left = capped({Role.WORKER: 6, Role.PS: 2, Role.EVALUATOR: 1}, size)
    assert sum(left.values()) == min(size - 1, 9)
    assert min(left.values()) == 1
    assert left[Role.WORKER] >= left[Role.PS] >= left[Role.EVALUATOR]


def of_source(folder, text):
    (folder / "trainer").mkdir()
    (folder / "trainer" / "task.py").write_text(text)
    program = Program("trainer.task", python_path=(str(folder),))
    return replace(submission_of(scaleTier="STANDARD_1"), program=program)


def test_a_trainer_that_knows_of_no_others_trains_alone_unless_it_is_asked_for(tmp_path):
    job = of_source(tmp_path, ALONE)
    alone = fitted(job, None, SMALL)
    assert alone.task_counts == {}
    assert "has nothing that divides the work" in shrunk(alone)
    assert "--cluster-size max starts the job file's 1 master, 4 workers, 3 parameter servers" in shrunk(
        alone
    )
    assert fitted(job, "max", SMALL).task_counts == {Role.WORKER: 4, Role.PS: 3}


@pytest.mark.parametrize(
    "line",
    [
        "config = json.loads(os.environ.get('TF_CONFIG', '{}'))",
        "strategy = tf.distribute.MirroredStrategy()",
        "tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)",
        "from tensorflow.contrib.learn.python.learn import learn_runner",
        "server = tf.train.Server(cluster)",
    ],
)
def test_a_trainer_that_divides_the_work_has_its_cluster(tmp_path, line):
    job = of_source(tmp_path, ALONE + line)
    assert fitted(job, None, SMALL).task_counts == {Role.WORKER: 4, Role.PS: 3}
