"""Jobs of this machine whose trainers write to a bucket themselves."""

import signal
import subprocess
import sys
import time

import pytest

from tests.buckets import bucket, s3_server
from tests.entry_point import call

__all__ = ["bucket", "s3_server"]

PATIENCE_S = 120
FLAGS = (
    "--config hptune.yaml --package-path trainer --module-name trainer.task --job-dir s3://bucket/jobs/one"
)
# Writes as a trainer does that knows buckets: a model, and an event file that it writes anew as it grows.
TRAINER = """
import fsspec
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
import io
a, _ = parser.parse_known_args()
assert a.job_dir.startswith("s3://bucket/jobs/one/"), a.job_dir
buffer = io.BytesIO()
writer = RecordWriter(buffer)
for step, share in enumerate((0.5, 1), 1):
    value = summary_pb2.Summary.Value(tag="score", simple_value=share * a.x)
    event = event_pb2.Event(step=step, wall_time=time.time(), summary=summary_pb2.Summary(value=[value]))
    writer.write(event.SerializeToString())
    with fsspec.open(a.job_dir + "/eval/events.out.tfevents.%d" % os.getpid(), "wb") as file:
        file.write(buffer.getvalue())
with fsspec.open(a.job_dir + "/model.txt", "w") as file:
    file.write(str(a.x))
"""


def test_the_trainer_writes_to_its_address_and_is_measured_there(folder, bucket):
    # Each process loads the bucket's library.
    folder.write_job(maxTrials=1)
    folder.write_trainer(TRAINER)
    ended = call(f"run {FLAGS}")
    assert ended.code == 0, ended.err
    trials = folder.trials("hptune-jobs/one")
    for number, trial in trials.items():
        value = float(trial["hyperparameters"]["x"])
        assert trial["finalMetric"]["objectiveValue"] == pytest.approx(value, rel=1e-6)
        assert float(bucket[f"jobs/one/{number}/model.txt"]) == value
    assert "trials:  s3://bucket/jobs/one/TRIAL, as --job-dir of each" in ended.out
    assert not list((folder.path / "hptune-jobs" / "one").glob("1/*"))
    # What the best one is trained to once more lies beside the trials.
    trained = call("train hptune-jobs/one")
    assert trained.code == 0, trained.err
    assert bucket["jobs/one/final/model.txt"] == bucket["jobs/one/1/model.txt"]


KILLED = """
a, _ = parser.parse_known_args()
import fsspec
with fsspec.open(a.job_dir + "/runs.txt", "w") as file:
    file.write("x")
if not os.path.exists("{go}"):
    if a.job_dir.endswith("/2"):
        time.sleep(600)
print("score=%r" % a.x)
"""


def test_a_job_that_was_killed_is_taken_up_by_the_same_command(folder, bucket):
    folder.write_job(maxTrials=2)
    go = folder.path / "go"
    folder.write_trainer(KILLED.replace("{go}", str(go)))
    with subprocess.Popen(
        [sys.executable, "-m", "hptune", "run", *FLAGS.split()], start_new_session=True
    ) as first:
        deadline = time.monotonic() + PATIENCE_S
        while "jobs/one/2/runs.txt" not in set(bucket.keys()):
            assert time.monotonic() < deadline
            assert first.poll() is None
            time.sleep(0.1)
        first.send_signal(signal.SIGKILL)
    go.touch()
    ended = call(f"run {FLAGS}")
    assert ended.code == 0, ended.err
    assert len(folder.trials("hptune-jobs/one")) == 2
    assert "trial 1/2 runs" not in ended.out + ended.err


def test_a_bucket_that_does_not_answer_is_named_where_nothing_else_was_reported(folder, monkeypatch):
    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    folder.write_job(maxTrials=1)
    folder.write_trainer("parser.parse_known_args()")
    ended = call(f"run {FLAGS}")
    assert ended.code == 1
    assert "event files below s3://bucket/jobs/one/1 cannot be read" in ended.err


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("minio://bucket/job", "'minio://bucket/job' is not on this machine; must be a path"),
        ("https://host/job", "'https://host/job' is not on this machine"),
        ("s3://bucket", "names no bucket or no file in it"),
    ],
)
def test_an_address_that_trainers_cannot_write_to_is_refused(folder, address, told):
    folder.write_job()
    folder.write_trainer("")
    refused = call(f"run j {FLAGS.replace('s3://bucket/jobs/one', address)}")
    assert refused.code == 2
    assert told in refused.err
    assert not (folder.path / "hptune-jobs").exists()
