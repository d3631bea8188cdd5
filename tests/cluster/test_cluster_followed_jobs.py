"""describe, stream-logs, report, list, delete and cancel, while a job runs and later."""

from dataclasses import replace

from tests.cluster.users import NUMBERED, job_file, wait_for

TALKATIVE = (
    "print('reading the data', flush=True)\n"
    "print(f'step=1 score={x / 2}', flush=True)\n"
    "time.sleep(40 if trial == 1 else 0)\n"
    "print(f'step=2 score={x}')\n"
    "print('all done')\n"
)


def report(job, name):
    page = job.folder / name
    done = job.user.hptune("report", *job.words, "--output", page)
    assert done.code == 0, done.err
    return page.read_text()


def test_a_job_is_described_reported_and_followed_while_it_runs_and_later(user):
    job = user.job("told", TALKATIVE, job_file(maxTrials=2, maxParallelTrials=1))
    with job.submitted(*NUMBERED) as watched:
        watched.wait_for("the first trial runs", job.running_pods)
        described = job.describe()
        assert described["state"] in ("RUNNING", "PREPARING")
        with job.followed() as follower:
            table = user.hptune("describe", *job.words)
            assert table.code == 0
            assert job.name in table.out
            assert job.name in report(job, "early.html")
            assert watched.end().code == 0
            lines = follower.end().out.splitlines()
    messages = {tuple(line.split("\t")[3:]) for line in lines}
    assert messages >= {("1", "reading the data"), ("1", "all done"), ("2", "all done")}
    assert job.describe()["state"] == "SUCCEEDED"
    assert "SUCCEEDED" in report(job, "late.html").upper()
    later = user.hptune("stream-logs", *job.words)
    assert {tuple(line.split("\t")[3:]) for line in later.out.splitlines()} == messages
    listed = user.hptune("list", "--namespace", user.namespace)
    assert [job.name, "SUCCEEDED", "2/2"] in [line.split()[:3] for line in listed.out.splitlines()]
    deleted = user.hptune("delete", *job.words, "--yes")
    assert deleted.code == 0, deleted.err
    wait_for("its Experiment is gone", lambda: not job.experiment)
    kept = user.hptune("describe", job.job_dir)
    assert kept.code == 0, kept.err
    assert job.name in kept.out


def test_a_job_that_is_not_there_is_an_error_of_the_command_line(user):
    for command in ("describe", "stream-logs", "cancel"):
        done = user.hptune(command, "never_submitted", "--namespace", user.namespace)
        assert done.code == 2, command
        assert "never_submitted" in done.err
        assert "Traceback" not in done.err


def test_a_cancelled_job_is_gone_from_the_cluster_and_its_trials_are_kept(user):
    trainer = "print(f'score={x}', flush=True)\ntime.sleep(0 if trial == 1 else 600)\n"
    job = user.job("cancelled", trainer, job_file(maxTrials=3, maxParallelTrials=1))
    with job.submitted(*NUMBERED) as watched:
        watched.wait_for("the second trial runs", lambda: "trial 2/3 runs" in watched.err)
        done = job.cancel()
        assert done.code == 0, done.err
        ended = watched.end()
    assert ended.code == 1
    assert "deleted while the job ran" in ended.err
    wait_for("its pods are gone", lambda: not job.pods_of_label())
    kept = user.hptune("describe", job.job_dir, "--format", "json")
    assert kept.code == 0, kept.err
    assert "SUCCEEDED" in kept.out


def test_an_interrupted_submit_with_delete_on_cancel_takes_its_job_away(user):
    job = user.job("interrupted", "time.sleep(600)\n", job_file(maxTrials=1, maxParallelTrials=1))
    with job.submitted("--delete-on-cancel") as watched:
        watched.wait_for("its trial runs", job.running_pods)
        watched.process.terminate()
        assert watched.end(120).code != 0
    wait_for("its pods are gone", lambda: not job.pods_of_label())


def test_a_job_that_is_submitted_without_waiting_runs_by_itself(user):
    job = user.job("alone", "print(f'score={x}')\n", job_file(maxTrials=1, maxParallelTrials=1))
    done = job.submit("--async")
    assert done.code == 0, done.err
    assert f"hptune describe {job.name} --namespace {user.namespace}" in done.out
    wait_for("it has ended", lambda: job.has("Succeeded"))
    assert job.describe()["state"] == "SUCCEEDED"


def test_a_job_in_a_store_that_only_the_cluster_knows_can_be_cancelled_or_says_how(user):
    keys = {"MINIO_ACCESS_KEY": "AWS_ACCESS_KEY_ID", "MINIO_SECRET_KEY": "AWS_SECRET_ACCESS_KEY"}
    store = {
        "MINIO_ENDPOINT": user.store["AWS_ENDPOINT_URL"],
        **{name: user.store[key] for name, key in keys.items()},
    }
    inside = replace(user, store=store, bucket=user.bucket.replace("s3:", "minio:"))
    job = inside.job("kfps-store", "time.sleep(600)\n", job_file(maxTrials=1, maxParallelTrials=1))
    with job.submitted() as watched:
        watched.wait_for("its trial exists", job.pods)
        for name in user.store:
            inside.environment.pop(name, None)
        outside = replace(user, store={})
        for name in (*user.store, *store):
            outside.environment.pop(name, None)
        done = outside.hptune("cancel", *job.words)
        if done.code == 2:
            assert replace(job, user=user).cancel("--record", str(job.folder / "record")).code == 0
    assert done.code == 0 or "--record" in done.err
