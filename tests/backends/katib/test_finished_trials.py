"""What trials leave in their job's directory is read back, from a bucket that their pods really upload to."""

from datetime import UTC, datetime, timedelta

import pytest

from hptune.backends.katib.finished_trials import read_finished_trials
from hptune.errors import JobFailed
from hptune.results.study import JobState, Measurement, TrialState
from hptune.storage.job_dir import JobDir
from hptune.trial.outcome import Outcome

CURVE = "for step in (1, 2, 5):\n    print(f'step={step} accuracy={x / step}')\n"


@pytest.fixture
def job(make_katib_job, bucket):
    assert bucket.keys() == set()
    return make_katib_job(CURVE, maxTrials=2, maxFailedTrials=2, job_dir="s3://bucket/job")


def curve_of(trial):
    return [(measurement.step, measurement.value) for measurement in trial.measurements]


def whole_curve(trial):
    x = trial.parameters["x"]
    return [(step, x / step) for step in (1, 2, 5)]


def test_a_job_in_a_bucket_has_its_curves_while_it_is_there_and_when_it_is_kept(job, bucket):
    study = job.run()
    assert [curve_of(trial) for trial in study.trials] == [whole_curve(trial) for trial in study.trials]
    assert all(trial.final.step == 5 for trial in study.trials)
    assert job.new_backend().describe().study == study
    assert b'"step": 2' in bucket["job/hptune/study.json"]
    assert job.warnings == []


@pytest.mark.parametrize("content", [b"{", b'{"value": 1}\n', b"\xff\n", b"[]\n"])
def test_a_damaged_file_leaves_one_curve_out_and_says_so(job, bucket, content):
    job.run()
    bucket["job/hptune/trials/2/measurements.jsonl"] = content
    backend = job.new_backend()
    first, second = backend.describe().study.trials
    backend.describe()
    assert curve_of(first) == whole_curve(first)
    assert second.measurements == (second.final,)
    if content == b"{":
        # Half a line, as a volume may have of a trial that was killed.
        return
    [warning] = job.warnings
    assert warning == "s3://bucket/job has no usable measurements of trial 2, whose curve is left out"


def test_a_bucket_that_cannot_be_read_fails_no_job(job, monkeypatch):
    study = job.run()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    status = job.new_backend().describe()
    assert status.state is JobState.SUCCEEDED
    assert [trial.final for trial in status.study.trials] == [trial.final for trial in study.trials]
    [warning] = job.warnings
    assert warning.startswith("the trials' curves are left out: s3://bucket/job/hptune/trials: ")


def test_a_trial_whose_pod_is_gone_still_says_how_it_ended(make_katib_job, bucket):
    job = make_katib_job("print('accuracy=0.5')\nsys.exit(3)", maxTrials=1, job_dir="s3://bucket/job")
    with pytest.raises(JobFailed):
        job.run()
    assert bucket.keys() >= {"job/hptune/trials/1/outcome.json"}
    job.server.remove("pods", f"{job.backend.experiment}-1-pod")
    [trial] = job.new_backend().describe().study.trials
    assert (trial.state, trial.message) == (TrialState.FAILED, "exited with code 3")
    assert curve_of(trial) == [(0, 0.5)]


def test_what_an_earlier_job_left_in_the_directory_is_not_taken_for_this_ones(tmp_path):
    trial = JobDir(tmp_path).trial("1")
    trial.state.mkdir(parents=True)
    began = datetime.now(UTC) - timedelta(hours=2)
    Outcome(0, Measurement(0.5, 1), "", began.timestamp(), began.timestamp() + 60).save(trial.outcome)
    trial.measurements.write_text('{"value": 0.5, "step": 1}\n')
    assert read_finished_trials(str(tmp_path), ["1"], began)["1"].curve == (Measurement(0.5, 1),)
    assert read_finished_trials(str(tmp_path), ["1", "2"], datetime.now(UTC)) == {}
