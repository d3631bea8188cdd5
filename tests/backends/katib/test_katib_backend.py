"""Whole jobs on a stand-in for Katib that runs each trial's command in a real shell."""

import json
import threading
import time
from dataclasses import replace
from itertools import count

import pytest
from cluster_objects import ended_with
from contract import BackendContract, assert_complete, assert_results_of
from katib_stand_in import has, mark
from kubernetes_stand_in import failing
from tiny_jobs import ignore, job_text

from hptune.errors import ClusterError, Interrupted, JobDirError, JobFailed, StorageError, UsageError
from hptune.job.tuning_job import parse_job
from hptune.results.status_file import load_status
from hptune.results.study import JobState, Measurement, TrialState
from hptune.trial.outcome import Outcome


class TestContract(BackendContract):
    @pytest.fixture
    def make_job(self, make_katib_job):
        return make_katib_job

    def test_by_default_a_failure_before_any_success_fails_the_job(self, make_job):
        """Differs in that Katib may have begun another trial before the job is ended."""
        job = make_job("print('no such file: data.npz')\nsys.exit(3)", maxTrials=9)
        with pytest.raises(
            JobFailed,
            match=r"trial 1 exited with code 3: no such file: data\.npz, and no trial has succeeded",
        ) as failure:
            job.run()
        assert "no such file: data.npz" in str(failure.value)
        assert len(job.results["trials"]) < 9


def interrupt_at(trial_id, state=TrialState.SUCCEEDED):
    def observe(_study, trial):
        if (trial.id, trial.state) == (trial_id, state):
            raise KeyboardInterrupt

    return observe


def test_every_change_of_a_trial_is_told_once_and_in_order(make_katib_job):
    job = make_katib_job(maxTrials=2)
    seen = []
    job.run(lambda _, trial: seen.append((trial.id, trial.state)))
    for trial_id in (1, 2):
        states = [state for each, state in seen if each == trial_id]
        assert states[-1] is TrialState.SUCCEEDED
        assert states == sorted(set(states), key=states.index), "once"
        assert set(states[:-1]) <= {TrialState.QUEUED, TrialState.PREPARING, TrialState.RUNNING}


def test_a_job_that_is_not_watched_any_more_goes_on_and_is_watched_again(make_katib_job):
    job = make_katib_job(maxTrials=3)
    with pytest.raises(
        Interrupted, match=r"goes on in the cluster.*hptune cancel job --namespace team' stops it"
    ):
        job.run(interrupt_at(1))
    assert job.experiment is not None
    study = job.new_backend().run(job.submission, ignore).study
    assert_complete(study, 3, job.submission.job.space)
    assert job.starts == [1, 2, 3]


def test_a_watched_job_is_warned_of_nothing_that_only_unwatched_ones_do(make_katib_job):
    job = make_katib_job(maxTrials=2)
    job.run()
    assert job.warnings == []


@pytest.mark.parametrize("limit", [0, 1])
def test_what_holds_only_while_somebody_watches_is_told_when_nobody_does(make_katib_job, limit):
    job = make_katib_job("time.sleep(60)", maxTrials=2, maxFailedTrials=limit)
    job.backend.submit(job.submission)
    assert ["maxFailedTrials 0: while nobody watches" in each for each in job.warnings] == [True] * (
        not limit
    )
    with pytest.raises(Interrupted) as interrupted:
        job.new_backend().run(job.submission, interrupt_at(1, TrialState.RUNNING))
    assert ("maxFailedTrials 0: while nobody watches" in str(interrupted.value)) is (not limit)


def test_a_job_that_has_ended_is_told_again_without_running_anything(make_katib_job):
    job = make_katib_job(maxTrials=2)
    study = job.run()
    assert job.new_backend().run(job.submission, ignore).study == study
    assert job.starts == [1, 2]
    assert job.backend.describe().state is JobState.SUCCEEDED


def test_a_job_whose_experiment_has_the_former_format_is_watched_again(make_katib_job, server):
    job = make_katib_job(maxTrials=2)
    study = job.run()
    rest = {"format": 1, "source": "elsewhere.yaml", "warnings": []}

    def edit(experiment):
        former = json.dumps({**job.submission.identity, **rest})
        experiment["metadata"]["annotations"]["hptune.dev/submission"] = former

    server.change("experiments", job.backend.experiment, edit)
    assert job.new_backend().run(job.submission, ignore).study == study
    assert job.starts == [1, 2]


def test_another_job_of_the_same_name_is_refused_with_what_differs(make_katib_job):
    job = make_katib_job(maxTrials=1)
    job.run()
    other = replace(job.submission, job=parse_job(job_text(maxTrials=9), "job.yaml"), user_args=("--x", "1"))
    with pytest.raises(JobDirError) as refusal:
        job.backend.run(other, ignore)
    assert "'job' in namespace 'team': is another job" in str(refusal.value)
    assert "trainingInput.hyperparameters.maxTrials: 1 -> 9" in str(refusal.value)
    assert 'args: [] -> ["--x", "1"]' in str(refusal.value)


def test_a_creation_whose_answer_was_lost_is_not_another_job(make_katib_job):
    job = make_katib_job(maxTrials=1)

    def create():
        [(_, _, manifest)] = [r for r in job.server.requests if r[0] == "POST"]
        job.server.put("experiments", manifest)

    job.server.faults.append(failing("POST", before=create))
    assert_complete(job.run(), 1, job.submission.job.space)


def test_a_cancelled_job_keeps_what_was_known_of_its_trials(make_katib_job):
    job = make_katib_job("print(f'accuracy={x}', flush=True)\ntime.sleep(60 * (trial == 2))", maxTrials=2)
    with pytest.raises(Interrupted):
        job.run(interrupt_at(2, TrialState.RUNNING))
    process = job.katib.processes[f"{job.backend.experiment}-2"]
    assert job.backend.cancel() == str(job.root)
    assert (job.experiment, job.trials) == (None, [])
    assert process.wait(10) != 0
    kept = load_status(job.root / "hptune" / "study.json")
    assert kept.state is JobState.CANCELLED
    assert [trial.state for trial in kept.study.trials] == [TrialState.SUCCEEDED, TrialState.CANCELLED]
    assert_results_of(kept.study, job.results)
    with pytest.raises(JobDirError, match="there is no such job"):
        job.backend.describe()


def test_nothing_is_deleted_that_could_not_be_kept(make_katib_job):
    job = make_katib_job(maxTrials=1)
    job.run()
    results = job.root / "results.json"
    results.unlink()
    results.mkdir()
    with pytest.raises(Exception, match=r"results\.json"):
        job.backend.cancel()
    assert job.experiment is not None


def test_a_directory_that_cannot_be_written_from_here_names_the_way_out(
    make_katib_job, monkeypatch, tmp_path
):
    job = make_katib_job(maxTrials=1, job_dir="minio://mlpipeline/job")
    for name in ("MINIO_ENDPOINT", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    job.backend.submit(job.submission)
    with pytest.raises(StorageError, match="MINIO_ENDPOINT") as refusal:
        job.backend.cancel()
    assert "nothing was removed" in str(refusal.value)
    assert str(refusal.value).endswith(
        "hptune cancel job --namespace team --record DIRECTORY' keeps it elsewhere"
    )
    assert job.experiment is not None
    job.backend.cancel(str(tmp_path / "record"))
    assert job.experiment is None


def test_a_job_whose_directory_is_out_of_reach_is_kept_elsewhere_or_not_cancelled(make_katib_job, tmp_path):
    job = make_katib_job(maxTrials=1)
    job.run()
    away = job.root.with_name("unmounted")
    job.root.rename(away)
    with pytest.raises(UsageError, match=r"cannot be reached from here.*--record DIRECTORY' keeps it"):
        job.backend.cancel()
    assert job.experiment is not None
    assert not job.root.exists()
    place = tmp_path / "record"
    assert job.backend.cancel(str(place)) == str(place)
    assert load_status(place / "hptune" / "study.json").study.best is not None
    assert job.experiment is None


def test_an_interrupted_job_is_cancelled_where_that_was_asked_for(make_katib_job):
    job = make_katib_job(maxTrials=3)
    backend = job.new_backend(delete_on_cancel=True)
    with pytest.raises(Interrupted, match=r"stopped; what is known of its trials is in .*/volume/job"):
        backend.run(job.submission, interrupt_at(1))
    assert job.experiment is None
    assert load_status(job.root / "hptune" / "study.json").study.best is not None


def test_an_interrupted_job_that_cannot_be_cancelled_is_said_to_go_on(make_katib_job):
    job = make_katib_job(maxTrials=3)
    backend = job.new_backend(delete_on_cancel=True)
    job.server.faults.append(failing("DELETE", status=403))
    with pytest.raises(
        Interrupted, match=r'(?s)could not be cancelled: .*\["delete"\].*goes on in the cluster'
    ):
        backend.run(job.submission, interrupt_at(1))
    assert job.experiment is not None


def test_an_experiment_that_somebody_deletes_ends_the_job_and_loses_nothing(make_katib_job):
    job = make_katib_job(maxTrials=9)

    def observe(_study, trial):
        if (trial.id, trial.state) == (2, TrialState.SUCCEEDED):
            job.server.remove("experiments", job.backend.experiment)

    with pytest.raises(JobFailed, match="the Experiment was deleted while the job ran"):
        job.run(observe)
    kept = load_status(job.root / "hptune" / "study.json")
    assert kept.state is JobState.CANCELLED
    assert kept.study.best is not None


def test_what_a_pod_waits_for_is_told_once_though_its_numbers_change(make_katib_job):
    job = make_katib_job(maxTrials=4, maxParallelTrials=2)
    job.katib.holds = lambda name: name.endswith("-2")
    nodes = count()

    def renumber():
        text = f"0/{next(nodes)} nodes are available: 3 Insufficient nvidia.com/gpu."
        pod = f"{job.backend.experiment}-2-pod"
        job.server.change("pods", pod, lambda item: item["status"]["conditions"][0].update(message=text))

    job.server.faults.append(failing("GET .*/pods", only_before=True, before=renumber, times=999))
    with pytest.raises(Interrupted):
        job.run(interrupt_at(4))
    assert next(nodes) > 3
    [warning] = [each for each in job.warnings if "waits" in each]
    assert warning.startswith("trial 2 waits: no node for its pod: 0/")
    assert "Insufficient nvidia.com/gpu" in warning


def test_a_suggestion_service_that_fails_is_told_since_katib_does_not_end_the_job(make_katib_job):
    job = make_katib_job(maxTrials=1)
    job.katib.suggests = False
    event = {
        "metadata": {"name": "e1"},
        "involvedObject": {"kind": "Suggestion", "name": job.backend.experiment},
        "type": "Warning",
        "reason": "ReconcileError",
        "message": "rpc error: code = Unknown desc = Exception calling application",
    }
    job.server.put("events", event)
    told = threading.Event()

    def warn(message):
        job.warnings.append(message)
        told.set()
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        job.new_backend(warn=warn).run(job.submission, ignore)
    assert job.warnings == ["no trial is suggested: ReconcileError: " + event["message"]]


def test_trials_that_the_job_ended_without_are_stopped(make_katib_job):
    body = "time.sleep(60 * (trial == 1))\nsys.exit(trial > 1)"
    job = make_katib_job(body, maxTrials=4, maxParallelTrials=2, maxFailedTrials=1)
    with pytest.raises(JobFailed, match="trial 2 exited with code 1, and maxFailedTrials is 1"):
        job.run()
    assert [trial["metadata"]["name"][-2:] for trial in job.trials] == ["-2"]
    states = {entry["trialId"]: entry["state"] for entry in job.results["trials"]}
    assert states == {"1": "CANCELLED", "2": "FAILED"}


def test_other_trials_keep_their_numbers_when_some_are_stopped(make_katib_job):
    body = "time.sleep(60 * (trial == 1))\nsys.exit(1)"
    job = make_katib_job(body, maxTrials=4, maxParallelTrials=2, maxFailedTrials=1)
    # As Katib's own, these do not say numbers.
    job.katib.names = lambda experiment, number: f"{experiment}-0{number}"
    with pytest.raises(JobFailed, match="trial 2 exited"):
        job.run()
    [left] = job.trials
    assert left["metadata"]["name"].endswith("-02")
    assert [trial.id for trial in job.backend.describe().study.trials] == [2]
    assert job.backend.trial_names()[2] == left["metadata"]["name"]
    with pytest.raises(JobFailed, match="trial 2 exited"):
        job.new_backend().run(job.submission, ignore)


def test_a_job_is_not_made_before_an_earlier_one_of_its_name_is_gone(make_katib_job, monkeypatch):
    """What the pods of the earlier one say would count for trials that have the same names."""
    monkeypatch.setattr("hptune.backends.katib.earlier_job._POLL_S", 0.05)
    job = make_katib_job(maxTrials=1)
    name = job.backend.experiment
    labels = {"katib.kubeflow.org/experiment": name}
    going = {"metadata": {"name": name, "deletionTimestamp": "2026-11-24T08:00:00Z"}}
    job.katib.suggests = False
    job.server.put("pods", {"metadata": {"name": "old", "labels": labels}, "status": {}})
    job.server.put("experiments", {**going, "spec": {"maxTrialCount": 1, "parallelTrialCount": 1}})
    thread = threading.Thread(target=job.backend.submit, args=(job.submission,))
    thread.start()
    for kind, gone in (("experiments", name), ("pods", "old")):
        time.sleep(0.2)
        assert thread.is_alive()
        job.server.remove(kind, gone)
    thread.join(10)
    assert "deletionTimestamp" not in job.experiment["metadata"]
    assert job.warnings == [
        "'job' in namespace 'team': waiting until the job of this name that was deleted is gone"
    ]


def test_what_is_never_deleted_is_not_waited_for_for_ever(make_katib_job, monkeypatch):
    monkeypatch.setattr("hptune.backends.katib.earlier_job._DELETION_S", -1)
    job = make_katib_job(maxTrials=1)
    labels = {"katib.kubeflow.org/experiment": job.backend.experiment}
    job.server.put("trials", {"metadata": {"name": "old", "labels": labels}})
    with pytest.raises(ClusterError, match="was deleted, but trials or pods of it are still there"):
        job.run()


def test_an_experiment_that_is_deleted_as_it_ends_is_told_as_deleted(make_katib_job):
    job = make_katib_job(maxTrials=1)
    backend = job.new_backend()

    def delete_once_seen_ended():
        if job.experiment and has(job.experiment, "Succeeded"):
            # After it was read, so that the next look finds it gone.
            job.server.faults.append(failing("GET .*/experiments", only_before=True, before=remove))

    def remove():
        job.server.remove("experiments", backend.experiment)

    job.server.faults.append(
        failing("GET .*/pods", only_before=True, before=delete_once_seen_ended, times=999)
    )
    with pytest.raises(JobFailed, match="the Experiment was deleted while the job ran"):
        backend.run(job.submission, ignore)


def test_a_failed_job_is_kept_though_its_logs_cannot_be_read(make_katib_job):
    job = make_katib_job("sys.exit(3)", maxTrials=1)
    job.server.faults.append(failing("GET .*/log", status=403, times=99))
    with pytest.raises(JobFailed, match=r'trial 1 exited with code 3.*(?s:.)*cannot be read: .*"pods/log"'):
        job.run()
    assert [entry["state"] for entry in job.results["trials"]] == ["FAILED"]
    assert job.backend.describe().state is JobState.FAILED


def test_a_right_that_only_explanations_need_fails_no_job(make_katib_job):
    job = make_katib_job(maxTrials=2, maxParallelTrials=2, maxFailedTrials=2)
    job.katib.holds = lambda name: name.endswith("-2") and not job.warnings
    job.server.faults.append(failing("GET .*/events", status=403, times=999))

    def warn(message):
        job.warnings.append(message)
        raise KeyboardInterrupt

    job.katib.suggests = False
    with pytest.raises(Interrupted):
        job.new_backend(warn=warn).run(job.submission, ignore)
    assert ['resources: ["events"], verbs: ["list"]' in warning for warning in job.warnings] == [True]


def test_a_right_that_only_tidiness_needs_fails_no_job(make_katib_job):
    job = make_katib_job("sys.exit(1)", maxTrials=5)
    job.server.faults.append(failing("PATCH", status=403, times=99))
    with pytest.raises(JobFailed):
        job.run()
    assert len([r for r in job.server.requests if r[0] == "PATCH"]) > 1
    assert len([w for w in job.warnings if 'verbs: ["patch"]' in w]) == 1


def test_a_server_that_is_away_for_a_while_ends_no_job(make_katib_job):
    job = make_katib_job(maxTrials=2)
    job.server.faults += [failing("GET .*/trials", status=503, times=3), failing("GET", times=2)]
    assert_complete(job.run(), 2, job.submission.job.space)


def test_a_right_that_is_missing_is_told_before_anything_runs(make_katib_job):
    job = make_katib_job(maxTrials=1)
    job.server.faults.append(failing("POST", status=403))
    with pytest.raises(ClusterError, match=r'resources: \["experiments"\], verbs: \["create"\]'):
        job.run()


def test_logs_are_followed_across_trials_until_the_job_ends(make_katib_job):
    body = (
        "print('10/90\\r90/90 done')\nprint(f'trial {trial} says hello', flush=True)\nprint(f'accuracy={x}')"
    )
    job = make_katib_job(body, maxTrials=2)
    lines = []

    def follow():
        lines.extend(job.new_backend().stream_logs())

    follower = threading.Thread(target=follow)

    def observe(_study, _trial):
        if not follower.ident:
            follower.start()

    study = job.run(observe)
    follower.join(timeout=20)
    expected = [
        (trial.id, text)
        for trial in study.trials
        for text in ("90/90 done", f"trial {trial.id} says hello", f"accuracy={trial.parameters['x']}")
    ]
    assert [(line.trial_id, line.text) for line in lines] == expected
    assert [(line.trial_id, line.text) for line in job.backend.stream_logs()] == expected


def test_the_submission_is_read_back_from_the_cluster(make_katib_job):
    job = make_katib_job(maxTrials=1, user_args=("--y", "a b"))
    job.backend.submit(job.submission)
    recalled = job.new_backend().recall()
    assert json.dumps(recalled.job.training_input) == json.dumps(job.submission.job.training_input)
    assert (recalled.user_args, recalled.job_dir) == (job.submission.user_args, job.submission.job_dir)


def test_a_trial_that_katib_stops_early_is_waited_for_and_told_once(make_katib_job):
    job = make_katib_job("print('accuracy=0.5', flush=True)\ntime.sleep(60)", maxTrials=1)
    name = f"{job.backend.experiment}-1"
    ended = Outcome(0, Measurement(0.5, 4), "", time.time(), time.time() + 1)
    seen = []

    def end_pod():
        def edit(pod):
            pod["status"]["containerStatuses"] = [{"name": "trainer", "state": ended_with(ended)}]

        job.server.change("pods", f"{name}-pod", edit)

    def observe(_study, trial):
        seen.append((trial.state, trial.stopped_early, trial.message))
        if trial.state is TrialState.RUNNING and not timer.is_alive():
            # As medianstop does, at once; the trainer takes a moment, and the job has ended meanwhile.
            job.server.change("trials", name, lambda item: mark(item, "EarlyStopped"))
            timer.start()

    timer = threading.Timer(2.5, end_pod)
    [trial] = job.run(observe).trials
    assert (trial.stopped_early, trial.final, trial.message) == (True, ended.final, "")
    assert [each for each in seen if each[0].finished] == [(TrialState.SUCCEEDED, True, "")]
