import fcntl
import json
import os
import re
import shutil
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from contract import BackendContract, assert_complete, assert_results_of

from hptune.backends.local.backend import LocalBackend
from hptune.errors import Interrupted, JobDirError, JobFailed
from hptune.job.submission import Final
from hptune.results.study import JobState, Measurement, TrialState
from hptune.trial.outcome import Outcome
from tests.control_groups import HOARDS, control_group


class TestLocalBackend(BackendContract):
    """What holds for every backend; ``make_job`` is conftest's."""


def content_of(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def interrupt_at(trial_id):
    """An observer that stops the job, as Ctrl-C does, when a trial begins."""

    def observe(_study, trial):
        if trial.id == trial_id:
            raise KeyboardInterrupt

    return observe


def test_a_job_that_has_ended_is_not_run_again(make_job):
    job = make_job(maxTrials=2)
    first = job.run()
    results = job.results
    assert LocalBackend(job.root).run(job.submission, lambda *_: None).study == first
    assert job.starts == [1, 2]
    assert job.results == results
    assert job.backend.describe().state is JobState.SUCCEEDED


def test_a_job_that_was_stopped_goes_on_where_it_was(make_job):
    job = make_job(maxTrials=3)
    with pytest.raises(Interrupted):
        job.run(interrupt_at(2))
    status = job.backend.describe()
    assert status.state is JobState.CANCELLED
    assert [trial.state for trial in status.study.trials] == [TrialState.SUCCEEDED, TrialState.CANCELLED]
    # What a writer that was killed can leave.
    with (job.root / "hptune" / "study.journal").open("a") as journal:
        journal.write('{"op_code":5,"wor')
    study = job.run()
    assert_complete(study, 3, job.submission.job.space)
    assert_results_of(study, job.results)
    assert study.trials[0] == status.study.trials[0]
    assert study.trials[1].parameters == status.study.trials[1].parameters
    assert job.starts.count(1) == 1


def test_an_outcome_that_nobody_was_there_to_be_told_of_counts(make_job):
    job = make_job(maxTrials=2)
    with pytest.raises(Interrupted):
        job.run(interrupt_at(2))
    started = job.starts.count(2)
    Outcome(0, Measurement(0.75, 3), "", 1.0, 2.0).save(job.root / "hptune/trials/2/outcome.json")
    assert job.run().trials[1].final == Measurement(0.75, 3)
    assert job.starts.count(2) == started


def test_a_damaged_outcome_is_named(make_job):
    job = make_job(maxTrials=2)
    with pytest.raises(Interrupted):
        job.run(interrupt_at(2))
    path = job.root / "hptune/trials/2/outcome.json"
    path.write_text('{"exit_code": 0')
    with pytest.raises(JobDirError, match=f"{path}: is damaged"):
        job.run()


def test_another_job_in_the_same_directory_is_refused_with_the_difference(make_job):
    job = make_job(maxTrials=1)
    job.run()
    before = content_of(job.root)
    changed = job.changed(maxTrials=2, goal="MINIMIZE")
    changed.submission = type(job.submission)(**{**vars(changed.submission), "user_args": ("--epochs", "3")})
    with pytest.raises(JobDirError) as refusal:
        changed.run()
    message = str(refusal.value)
    assert "trainingInput.hyperparameters.maxTrials: 1 -> 2" in message
    assert 'trainingInput.hyperparameters.goal: (not given) -> "MINIMIZE"' in message
    assert 'args: [] -> ["--epochs", "3"]' in message
    after = content_of(job.root)
    before.pop(job.root / "hptune" / "lock"), after.pop(job.root / "hptune" / "lock")
    assert after == before


def test_a_directory_of_other_things_is_refused_and_left_alone(make_job):
    job = make_job(maxTrials=1)
    job.root.mkdir()
    (job.root / "thesis.tex").write_text("precious")
    with pytest.raises(JobDirError, match="holds other files"):
        job.run()
    assert [path.name for path in job.root.rglob("*")] == ["thesis.tex"]


def test_a_file_in_place_of_the_directory_is_refused(make_job):
    job = make_job(maxTrials=1)
    job.root.write_text("precious")
    with pytest.raises(JobDirError, match="is a file"):
        job.run()


def test_looking_for_a_job_that_is_not_there_is_refused(tmp_path):
    for look in (LocalBackend(tmp_path).describe, LocalBackend(tmp_path).stream_logs):
        with pytest.raises(JobDirError, match="holds no hptune job"):
            look()
    assert list(tmp_path.iterdir()) == []


def test_a_running_job_is_described_and_refuses_a_second_run(make_job):
    job = make_job("print(f'accuracy={x}', flush=True); time.sleep(0.5)", maxTrials=1)
    seen = []

    def observe(_study, trial):
        if trial.measurements and not seen:
            seen.append(LocalBackend(job.root).describe())
            with pytest.raises(JobDirError, match=f"is in use by process {os.getpid()}"):
                job.run()

    job.run(observe)
    [status] = seen
    assert (status.state, status.end_time) == (JobState.RUNNING, None)
    [trial] = status.study.trials
    assert (trial.state, trial.final) == (TrialState.RUNNING, None)
    assert [measurement.value for measurement in trial.measurements] == [trial.parameters["x"]]
    ended = job.backend.describe()
    assert (ended.state, ended.message) == (JobState.SUCCEEDED, "")
    assert ended.create_time <= ended.end_time


def test_the_observer_sees_each_trial_begin_report_and_end(make_job):
    job = make_job("print('step=1 accuracy=0.25'); print('step=2 accuracy=0.5')", maxTrials=1)
    seen = []
    job.run(lambda study, trial: seen.append((len(study.trials), trial.state.value, len(trial.measurements))))
    assert seen == [(1, "RUNNING", 0), (1, "RUNNING", 1), (1, "RUNNING", 2), (1, "SUCCEEDED", 2)]


def test_a_failed_job_goes_on_once_its_trainer_has_been_mended(make_job):
    job = make_job("sys.exit(1)", maxTrials=3)
    with pytest.raises(JobFailed):
        job.run()
    assert job.backend.describe().state is JobState.FAILED
    assert "exited with code 1" in job.backend.describe().message
    job.write_trainer("print(f'accuracy={x}')")
    study = job.run()
    assert_complete(study, 3, job.submission.job.space)
    assert [trial.state.value for trial in study.trials] == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert job.backend.describe().state is JobState.SUCCEEDED


EARLY_STOPPING = """
values = {5: 0.1, 6: float("nan")}
for step in (1, 2, 3):
    print(f"step={step} accuracy={values.get(trial, 0.8 + step / 100)}", flush=True)
if trial in values:
    time.sleep(60)
"""


def test_hopeless_trials_are_stopped_early_and_the_others_are_not(make_job):
    job = make_job(EARLY_STOPPING, maxTrials=7, enableTrialEarlyStopping=True)
    study = job.run()
    assert_complete(study, 7, job.submission.job.space)
    assert_results_of(study, job.results)
    assert [trial.id for trial in study.trials if trial.stopped_early] == [5, 6]
    assert [trial.id for trial in study.trials if trial.state is not TrialState.SUCCEEDED] == [6]
    assert study.trials[4].final.value == 0.1
    why = r"0\.1 at best by step \d, below the median 0\.8\d? of \d trials"
    assert re.fullmatch(why, study.trials[4].message)
    assert (study.trials[5].final, study.trials[5].message) == (None, "accuracy was nan at step 3")
    assert study.best.id not in (5, 6)
    assert [entry["trialId"] for entry in job.results["trials"] if "isTrialStoppedEarly" in entry] == [
        "5",
        "6",
    ]


TRAINS_BADLY_AND_ENDS_WELL = """
def report(where, step, value):
    if where == "printed":
        print(f"step={step} accuracy={value}", flush=True)
    else:
        with open(os.environ["CLOUD_ML_HP_METRIC_FILE"], "a") as file:
            file.write('{"accuracy": %s, "global_step": %d}\\n' % (value, step))
for step in range(3):
    report("printed", step, 0.9 if trial < 4 else 0.1)
    time.sleep(0.3)
for step in range(3):
    report("metric file", step, 0.5 if trial < 5 else 0.2)
    time.sleep(0.3)
time.sleep(20 * (trial == 5))
"""


def test_a_trial_is_never_stopped_for_what_a_more_deliberate_source_withdraws(make_job):
    job = make_job(TRAINS_BADLY_AND_ENDS_WELL, maxTrials=5, enableTrialEarlyStopping=True)
    study = job.run()
    # The fourth printed bad values, as the fifth did, which was stopped for those of its metric file.
    assert [trial.stopped_early for trial in study.trials] == [False] * 4 + [True]
    assert [trial.final.value for trial in study.trials] == [0.5] * 4 + [0.2]
    assert {measurement.value for trial in study.trials for measurement in trial.measurements} == {0.5, 0.2}


MANY_REPORTS = """
for step in range(700):
    value = 0.9 if trial < 5 else 0.3 if step == 602 else 0.1
    print(f"step={step} accuracy={value}", flush=True)
time.sleep(20 * (trial == 5))
"""


def test_a_trial_stopped_early_is_judged_by_its_best_report_though_that_was_thinned_out(make_job):
    job = make_job(MANY_REPORTS, maxTrials=5, enableTrialEarlyStopping=True)
    job.submission = replace(job.submission, final=Final.BEST)
    stopped = job.run().trials[4]
    assert (stopped.stopped_early, stopped.final) == (True, Measurement(0.3, 602))


def test_a_trial_over_its_time_limit_has_failed(make_job):
    body = "print(f'accuracy={x}', flush=True); time.sleep(60 * (trial == 2))"
    job = make_job(body, maxTrials=2, scheduling={"maxRunningTime": "1s"})
    study = job.run()
    late = study.trials[1]
    assert (late.state, late.final) == (TrialState.FAILED, None)
    assert late.message == "stopped after its time limit of 1 s"
    assert late.end_time - late.start_time >= timedelta(seconds=1)


KILLED = """
killed = os.path.join(scratch, f"killed-{trial}")
if trial == 3 or (trial == 2 and not os.path.exists(killed)):
    open(killed, "w").close()
    for step in (1, 2):
        print(f"step={step} accuracy=0", flush=True)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)
for step in (1, 2, 3):
    print(f"step={step} accuracy={x}")
"""


def test_a_trial_that_was_killed_has_one_more_chance(make_job):
    job = make_job(KILLED, maxTrials=3)
    study = job.run()
    assert job.starts == [1, 2, 2, 3, 3]
    assert [trial.state.value for trial in study.trials] == ["SUCCEEDED", "SUCCEEDED", "FAILED"]
    assert study.trials[1].final == Measurement(study.trials[1].parameters["x"], 3)
    assert [measurement.step for measurement in study.trials[1].measurements] == [1, 2, 3]
    assert study.trials[2].message == "was killed 2 times (is there enough memory?)"


def test_a_trial_that_the_kernel_ends_each_time_says_why(make_job):
    with control_group() as group:
        # The trainer alone is in it; all that its supervisor sees is that the kernel has ended somebody.
        enter = f"open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
        job = make_job(enter + HOARDS, maxTrials=1)
        with pytest.raises(
            JobFailed, match="trial 1 probably out of memory: the kernel ended a process"
        ) as failure:
            job.run()
    assert "(--parallel-trial-count) leave more for each; this happened 2 times" in str(failure.value)
    assert job.starts == [1, 1]


MEETING = """
open(os.path.join(scratch, f"here-{trial}"), "w").close()
deadline = time.monotonic() + 20
while not all(os.path.exists(os.path.join(scratch, f"here-{t}")) for t in (1, 2)):
    assert time.monotonic() < deadline
    time.sleep(0.01)
print("cores", sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [])
print(f"accuracy={x}")
"""


def test_parallel_trials_overlap_each_on_its_own_cores(make_job):
    job = make_job(MEETING, maxTrials=4, maxParallelTrials=2)
    study = job.run()
    assert_complete(study, 4, job.submission.job.space)
    assert study.trials[1].start_time < study.trials[0].end_time
    if sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1:
        logs = [(job.root / f"hptune/trials/{i}/log.txt").read_text() for i in (1, 2)]
        first, second = (set(json.loads(log.splitlines()[0].removeprefix("cores "))) for log in logs)
        assert first
        assert first.isdisjoint(second)
        assert first | second <= os.sched_getaffinity(0)


def test_the_users_own_values_are_the_bandits_first_suggestion(make_job):
    job = make_job(maxTrials=1, algorithm=None, user_args=("--x", "0.125"))
    assert job.run().trials[0].parameters == {"x": 0.125}


def test_a_job_learns_from_the_job_that_it_resumes(make_job, tmp_path):
    earlier = make_job("print(f'accuracy={\"nan\" if trial == 3 else x}')", name="earlier", maxTrials=3)
    known = [trial for trial in earlier.run().trials if trial.final]
    job = make_job(maxTrials=2, algorithm=None, resumePreviousJobId="earlier")
    with pytest.raises(Interrupted):
        job.run(interrupt_at(2))
    record = json.loads((job.root / "hptune" / "job.json").read_text())
    assert record["earlierTrials"] == [
        {"parameters": t.parameters, "objective": t.final.value} for t in known
    ]
    # The bandit begins with the middle of the space where it knows nothing.
    assert job.backend.describe().study.trials[0].parameters != {"x": 0.5}
    shutil.rmtree(tmp_path / "earlier")
    assert_complete(job.run(), 2, job.submission.job.space)


@pytest.mark.parametrize(
    ("earlier", "problem"),
    [
        (None, "holds no trials of an hptune job"),
        ({"goal": "MINIMIZE"}, "has the objective MINIMIZE accuracy; this job's is MAXIMIZE accuracy"),
        ({"hyperparameterMetricTag": "x"}, "has the objective MAXIMIZE x; this job's is MAXIMIZE accuracy"),
    ],
)
def test_a_job_that_cannot_be_resumed_is_refused(make_job, earlier, problem):
    if earlier is not None:
        make_job("print(f'accuracy={x} x={x}')", name="earlier", maxTrials=1, **earlier).run()
    job = make_job(maxTrials=1, resumePreviousJobId="earlier")
    with pytest.raises(JobDirError, match=problem):
        job.run()
    assert job.starts == []


def test_logs_are_followed_across_trials_until_the_job_ends(make_job):
    body = (
        "print('10/90\\r90/90 done')\nprint(f'trial {trial} accuracy={x}', flush=True)\nprint('bye', end='')"
    )
    job = make_job(body, maxTrials=2)
    lines = []
    follower = threading.Thread(target=lambda: lines.extend(job.backend.stream_logs()))

    def observe(_study, _trial):
        if not follower.ident:
            follower.start()

    study = job.run(observe)
    follower.join(timeout=20)
    assert not follower.is_alive()
    expected = [
        (trial.id, text)
        for trial in study.trials
        for text in ("90/90 done", f"trial {trial.id} accuracy={trial.parameters['x']}", "bye")
    ]
    assert [(line.trial_id, line.text) for line in lines] == expected
    assert [(line.trial_id, line.text) for line in job.backend.stream_logs()] == expected


def test_readers_do_not_take_each_other_for_a_run(make_job):
    job = make_job(maxTrials=1)
    job.run()
    (job.root / "hptune" / "status.json").unlink()
    with (job.root / "hptune" / "lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert job.backend.describe().state is JobState.CANCELLED


def test_a_lock_of_optunas_that_a_killed_writer_left_holds_nobody_up(make_job):
    job = make_job(maxTrials=2)
    with pytest.raises(Interrupted):
        job.run(interrupt_at(2))
    lock = job.root / "hptune" / "study.journal.lock"
    lock.symlink_to(job.root / "hptune" / "study.journal")
    started = time.monotonic()
    assert_complete(job.run(), 2, job.submission.job.space)
    assert time.monotonic() - started < 20, "Optuna's own lock waits for 30 s"


def test_a_job_that_ended_for_want_of_a_directory_says_so(make_job):
    job = make_job(maxTrials=2)

    def observe(_study, trial):
        if trial.state.finished:
            (job.root / "results.json").unlink()
            (job.root / "results.json").mkdir()

    with pytest.raises(OSError, match=r"results\.json"):
        job.run(observe)
    status = job.backend.describe()
    assert status.state is JobState.FAILED
    assert "results.json: Is a directory; once that is mended the same command takes it up" in status.message
    (job.root / "results.json").rmdir()
    assert job.run().best is not None
    assert job.starts == [1, 2]


def test_a_job_that_hptune_itself_ended_says_so(make_job):
    job = make_job(maxTrials=1)

    def observe(_study, _trial):
        raise LookupError("a view that is not there")

    with pytest.raises(LookupError):
        job.run(observe)
    status = job.backend.describe()
    assert (status.state, status.message) == (
        JobState.FAILED,
        "hptune itself failed: LookupError: a view that is not there; the trials that ended are kept",
    )
