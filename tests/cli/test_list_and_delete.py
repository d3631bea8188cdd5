"""``hptune list`` and ``hptune delete``, on job directories that earlier runs have left."""

import os
import pty
import shutil
import sys
from pathlib import Path

import pytest

from hptune.storage.lock import hold
from tests.entry_point import call

JOBS = Path(__file__).parents[1] / "fixtures" / "format-1"


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    for name in ("finished", "failed", "killed"):
        shutil.copytree(JOBS / name, tmp_path / "jobs" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "jobs"


def names(listing):
    return [line.split()[0] for line in listing.splitlines()[1:]]


def test_jobs_are_listed_with_their_states_wherever_one_stands(jobs):
    listing = call("list")
    assert (listing.code, listing.err) == (0, "")
    assert names(listing.out) == ["jobs/failed", "jobs/finished", "jobs/killed"]
    states = {line.split()[0]: line.split()[1:3] for line in listing.out.splitlines()[1:]}
    assert states["jobs/finished"] == ["SUCCEEDED", "3/3"]
    assert states["jobs/killed"][0] == "CANCELLED"
    assert names(call(f"list {jobs}").out) == [str(jobs / name) for name in ("failed", "finished", "killed")]
    assert names(call("list jobs/finished").out) == ["jobs/finished"]


def test_a_damaged_job_is_listed_with_the_others(jobs):
    (jobs / "failed" / "hptune" / "job.json").write_text("{")
    lines = call("list jobs").out.splitlines()
    assert len(lines) == 4
    assert "job.json: is damaged" in lines[1]


@pytest.mark.usefixtures("jobs")
def test_where_there_is_no_job_it_says_so():
    Path("empty").mkdir()
    assert "no jobs in empty" in call("list empty").err
    assert call("list nowhere").code == 2


@pytest.mark.usefixtures("jobs")
def test_a_directory_and_a_cluster_are_not_listed_together():
    result = call("list jobs --namespace team")
    assert result.code == 2
    assert "jobs: is a directory's name" in result.err


def test_a_job_is_deleted_and_nothing_else(jobs):
    result = call("delete jobs/finished --yes")
    assert (result.code, result.out) == (0, "jobs/finished is deleted\n")
    assert sorted(path.name for path in jobs.iterdir()) == ["failed", "killed"]


def note(jobs):
    (jobs / "finished" / "notes.txt").touch()
    return "jobs/finished", "holds 'notes.txt', which hptune did not make"


def no_job(jobs):
    return str(jobs), "holds no hptune job"


def link(jobs):
    (jobs / "link").symlink_to(jobs / "finished")
    return "jobs/link", "is a link"


def inside(jobs):
    os.chdir(jobs / "finished" / "hptune")
    return str(jobs / "finished"), "is the current directory, or above it"


def from_a_cluster(jobs):
    shutil.copytree(JOBS / "kept" / "stopped", jobs / "kept")
    return "jobs/kept", "is what a cluster's job left"


@pytest.mark.parametrize("make", [note, no_job, link, inside, from_a_cluster])
def test_what_is_not_just_a_job_stays(jobs, make):
    job, problem = make(jobs)
    before = sorted(jobs.rglob("*"))
    result = call(f"delete {job} --yes")
    assert result.code == 2
    assert problem in result.err
    assert sorted(jobs.rglob("*")) == before


def test_a_job_that_runs_stays(jobs):
    with hold(jobs / "finished" / "hptune" / "lock", jobs / "finished"):
        result = call("delete jobs/finished --yes")
    assert result.code == 2
    assert "holds a job that runs" in result.err
    assert (jobs / "finished" / "results.json").is_file()


@pytest.mark.parametrize(("answer", "code"), [("n\n", 130), ("y\n", 0)])
def test_a_person_is_asked(jobs, monkeypatch, answer, code):
    main, other = pty.openpty()
    os.write(main, answer.encode())
    with os.fdopen(other) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        result = call("delete jobs/finished")
    os.close(main)
    assert "Delete jobs/finished with 3 trials? [y/N]" in result.err
    assert (result.code, (jobs / "finished").exists()) == (code, code != 0)


@pytest.mark.usefixtures("jobs")
def test_where_nobody_can_be_asked_nothing_is_deleted(monkeypatch):
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        result = call("delete jobs/finished")
    assert (result.code, Path("jobs/finished").exists()) == (2, True)
    assert "--yes: is missing" in result.err
