"""``hptune list`` and ``hptune delete`` for a cluster's jobs, with a kubeconfig that names the stand-in."""

import json
import os
from pathlib import Path

import pytest
from kubernetes_stand_in import NAMESPACE, failing

from hptune.console.program import command_to_type
from hptune.results.status_file import load_status
from tests.entry_point import call

LIST = f"list --namespace {NAMESPACE}"
SUBMISSION = "hptune.dev/submission"


@pytest.fixture
def finished(make_katib_job, kubeconfig):
    """A job of two trials, with what stands in the namespace besides."""
    assert kubeconfig.is_file()
    job = make_katib_job(name="b-done", maxTrials=2)
    job.run()
    others = {"name": "foreign", "labels": {"app.kubernetes.io/name": "other"}}
    job.server.put("experiments", {**job.experiment, "metadata": others})
    job.server.put("pods", {"metadata": {"name": "web"}, "spec": {}, "status": {"phase": "Running"}})
    return job


def rows(listing):
    return [line.split() for line in listing.out.splitlines()[1:]]


def test_the_jobs_of_a_namespace_are_listed_as_those_of_a_directory_are(finished, make_katib_job):
    waiting = make_katib_job(name="a-runs", maxTrials=3)
    finished.katib.holds = lambda _trial: True
    waiting.backend.submit(waiting.submission)
    before = len(finished.server.requests)
    listing = call(LIST)
    assert (listing.code, listing.err) == (0, "")
    asked = [path.partition("?")[0].rpartition("/")[2] for _, path, _ in finished.server.requests[before:]]
    assert asked == ["experiments", "trials", "pods"], "however many jobs there are"
    assert listing.out.split("\n")[0].split() == ["job", "state", "trials", "best", "created"]
    runs, done = rows(listing)
    assert runs[:4] == ["a-runs", "RUNNING", "0/3", "-"]
    best = finished.backend.describe().study.best.final.value
    assert done[:5] == ["b-done", "SUCCEEDED", "2/2", "accuracy", f"{best:.6g}"]


def test_an_experiment_whose_record_is_damaged_is_listed_with_the_others(finished):
    damaged = finished.experiment
    damaged["metadata"] |= {"name": "b-broken", "annotations": {SUBMISSION: "{"}}
    finished.server.put("experiments", damaged)
    listing = call(LIST)
    assert listing.code == 0
    assert [row[0] for row in rows(listing)] == ["b-broken", "b-done"]
    assert f"{SUBMISSION} is damaged" in listing.out


@pytest.mark.usefixtures("kubeconfig")
def test_a_namespace_without_jobs_says_so():
    listing = call(LIST)
    assert (listing.code, listing.out) == (0, "")
    assert f"no jobs in namespace {NAMESPACE}" in listing.err


def test_a_right_that_is_missing_is_named(kubeconfig, server):
    assert kubeconfig.is_file()
    server.faults.append(failing("GET .*/experiments", status=403, body=json.dumps({"code": 403}).encode()))
    listing = call(LIST)
    assert listing.code == 1
    assert 'resources: ["experiments"], verbs: ["list"]' in listing.err


def test_a_job_is_deleted_with_its_trials_and_its_results_stay(finished):
    best = finished.backend.describe().study.best
    # Written down once more: nobody may have watched its end.
    (finished.root / "hptune" / "study.json").unlink()
    result = call(f"delete b-done --namespace {NAMESPACE} --yes")
    assert (result.code, result.err) == (0, "")
    place = finished.submission.job_dir
    describe = command_to_type(f"describe {place}")
    assert result.out == f"b-done is deleted from the cluster; what is left of it: {describe}\n"
    assert finished.experiment is None
    assert finished.trials == []
    assert load_status(finished.root / "hptune" / "study.json").study.best == best
    assert "SUCCEEDED" in call(f"describe {place}").out


def test_nobody_is_asked_and_nothing_is_deleted_without_yes(finished, monkeypatch):
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        result = call(f"delete b-done --namespace {NAMESPACE}")
    assert result.code == 2
    assert "--yes: is missing" in result.err
    assert finished.experiment is not None


def test_a_job_that_runs_is_not_deleted(make_katib_job, kubeconfig):
    assert kubeconfig.is_file()
    job = make_katib_job(name="runs", maxTrials=3)
    job.katib.holds = lambda _trial: True
    job.backend.submit(job.submission)
    result = call(f"delete runs --namespace {NAMESPACE} --yes")
    assert result.code == 2
    assert (
        f"is a job that runs; '{command_to_type(f'cancel runs --namespace {NAMESPACE}')}' stops it"
        in result.err
    )
    assert job.experiment is not None


def test_where_the_results_cannot_be_kept_nothing_is_deleted(finished):
    finished.root.rename(finished.root.with_name("unmounted"))
    result = call(f"delete b-done --namespace {NAMESPACE} --yes")
    assert result.code == 2
    assert (
        f"hptune cancel b-done --namespace {NAMESPACE} --record DIRECTORY' keeps it elsewhere" in result.err
    )
    assert finished.experiment is not None


@pytest.mark.usefixtures("kubeconfig")
def test_a_job_that_is_not_there_is_told():
    result = call(f"delete nowhere --namespace {NAMESPACE} --yes")
    assert result.code == 2
    assert "there is no such job" in result.err
