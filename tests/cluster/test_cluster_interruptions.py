"""What a job survives: its watcher's death, lost pods, and restarts of what runs it."""

import json

import pytest

from tests.cluster.users import job_file

SLOW = "print(f'score={x / 2}', flush=True)\ntime.sleep(8)\nprint(f'score={x}')\n"


def finished(job):
    return [trial for trial in job.trials() if trial["state"] in ("SUCCEEDED", "FAILED")]


def test_a_killed_submit_is_taken_up_again_and_no_trial_runs_twice(user):
    job = user.job("killed", SLOW, job_file(maxTrials=3, maxParallelTrials=1, algorithm="RANDOM_SEARCH"))
    with job.submitted() as watched:
        watched.wait_for("the first trial has ended", lambda: "trial 1/3 SUCCEEDED" in watched.err)
        before = finished(job)[0]
        watched.kill()
    done = job.submit()
    assert done.code == 0, done.err
    trials = job.trials()
    assert len(trials) == 3
    again = next(trial for trial in trials if trial["trialId"] == before["trialId"])
    assert (again["startTime"], again["endTime"]) == (before["startTime"], before["endTime"])


def test_an_evicted_trial_runs_again_and_has_not_failed(user):
    job = user.job("evicted", SLOW, job_file(maxTrials=1, maxParallelTrials=1, algorithm="RANDOM_SEARCH"))
    with job.submitted() as watched:
        [pod] = watched.wait_for("its pod runs", job.running_pods)
        evict(user, pod)
        watched.wait_for("another pod runs", lambda: any(name != pod for name in job.running_pods()))
        done = watched.end()
    assert done.code == 0, done.err
    assert [trial["state"] for trial in job.trials()] == ["SUCCEEDED"]


def evict(user, pod):
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": user.namespace},
    }
    path = f"/api/v1/namespaces/{user.namespace}/pods/{pod}/eviction"
    user.ask("create", "--raw", path, "--filename", "-", given=json.dumps(eviction))


def test_a_deleted_pod_is_one_failed_trial_and_the_job_goes_on(user):
    tuning = {"maxTrials": 2, "maxParallelTrials": 1, "maxFailedTrials": 2, "algorithm": "RANDOM_SEARCH"}
    job = user.job("deleted", SLOW, job_file(**tuning))
    with job.submitted() as watched:
        [pod] = watched.wait_for("its pod runs", job.running_pods)
        user.ask("delete", "pod", pod, "--grace-period=1")
        done = watched.end()
    assert done.code == 0, done.err
    assert sorted(trial["state"] for trial in job.trials()) == ["FAILED", "SUCCEEDED"]


def test_a_trial_whose_pod_was_deleted_says_so(user):
    job = user.job(
        "deleted-told", SLOW, job_file(maxTrials=1, maxParallelTrials=1, algorithm="RANDOM_SEARCH")
    )
    with job.submitted() as watched:
        [pod] = watched.wait_for("its pod runs", job.running_pods)
        user.ask("delete", "pod", pod, "--grace-period=1")
        done = watched.end()
    assert "backoff limit" not in done.err
    assert "deleted" in done.err


@pytest.mark.parametrize("algorithm", ["gp-bandit", "bayesianoptimization"])
def test_a_job_goes_on_after_a_restart_of_its_suggestion_service(user, algorithm):
    job = user.job(f"restarted-{algorithm}", SLOW, job_file(maxTrials=3, maxParallelTrials=1))
    with job.submitted("--algorithm", algorithm) as watched:
        watched.wait_for("a trial runs", job.running_pods)
        selector = f"katib.kubeflow.org/suggestion={job.experiment}"
        user.ask("delete", "pods", "--selector", selector, "--wait=false")
        done = watched.end()
    assert done.code == 0, done.err
    trials = job.trials()
    assert [trial["state"] for trial in trials] == ["SUCCEEDED"] * 3
    assert len({trial["hyperparameters"]["x"] for trial in trials}) == 3


def test_a_job_goes_on_after_a_restart_of_katibs_controller(user):
    job = user.job("controller", SLOW, job_file(maxTrials=2, maxParallelTrials=1, algorithm="RANDOM_SEARCH"))
    with job.submitted() as watched:
        watched.wait_for("a trial runs", job.running_pods)
        # Not by deleting its pod: without a controller, Katib's own webhook lets nobody make another.
        restart = ("rollout", "restart", "deployment/katib-controller", "--namespace", "kubeflow")
        restarted = user.run(user.kubectl, *restart)
        assert restarted.code == 0, restarted.err
        done = watched.end()
    assert done.code == 0, done.err
    assert [trial["state"] for trial in job.trials()] == ["SUCCEEDED"] * 2


def test_what_katib_mends_by_itself_is_not_told(user):
    job = user.job("calm", "print(f'score={x}')\n", job_file(maxTrials=2, algorithm="RANDOM_SEARCH"))
    done = job.submit()
    assert done.code == 0, done.err
    assert "ReconcileError" not in done.err
    assert len(job.trials()) == 2
