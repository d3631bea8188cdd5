"""Trials as a pod runs them: ``python -m hptune.trial`` in Katib's shell, real trainers, a server of S3."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hptune.job.submission import Program
from hptune.results.study import Measurement
from hptune.runtimes.processes import all_processes
from hptune.storage.job_dir import JobDir, TrialDir
from hptune.trial.outcome import Outcome
from hptune.trial.pod.collector import STEP_METRIC
from hptune.trial.pod.encoding import encode_value
from hptune.trial.pod.packages import pack_package
from hptune.trial.spec import TRIAL_FORM, TrialSpec
from hptune.trial.spec import Pod as PodSpec

PATIENCE_S = 30
STOPPABLE = "import os, time\nprint('step=4 accuracy=0.25', flush=True)\ntime.sleep(60)\n"
MESSAGE_BYTES = 4096


class Pod:
    """A container as Katib's webhook and the kubelet make it, of a trainer that is a script."""

    def __init__(self, root, script, *, program=None, words=(), environment=None, spec=None, **pod):
        self.root = root
        self.metrics = root / "metrics" / "measurements.jsonl"
        self.message = root / "termination-log"
        self.state = root / "state"
        self.output = root / "output"
        self.metrics.parent.mkdir(parents=True)
        # The kubelet makes it; nobody can put another one there.
        self.message.touch()
        trainer = root / "trainer.py"
        trainer.write_text(script, encoding="utf-8")
        trial = {
            "trial_id": "mnist-3",
            "job_id": "mnist",
            "metric": "accuracy",
            "program": program or Program(command=(sys.executable, "-S", "-u", str(trainer))),
            "directory": TrialDir(self.output, self.state),
            "pod": PodSpec("mnist-", self.metrics, self.message, **pod),
        }
        self.document = TRIAL_FORM.text(TrialSpec(**{**trial, **(spec or {})}))
        self.environment = {**os.environ, "HPTUNE_TRIAL": self.document, **(environment or {})}
        argv = [sys.executable, "-P", "-m", "hptune.trial"]
        quoted = [f"'{word}'" for word in argv]
        mark = f"{self.metrics.parent}/$$.pid"
        stopped = f"test -f {mark} && [ $(head -n 1 {mark}) = early-stopped ]"
        line = [*quoted, *words, "||", f"if {stopped}; then echo stopped; else echo failed; exit 1; fi"]
        line += ["&&", "echo completed >", mark]
        self.process = subprocess.Popen(
            ["sh", "-c", " ".join(line)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def end(self):
        self.log = self.process.communicate(timeout=PATIENCE_S)[0].decode()
        return self.process.returncode

    @property
    def mark(self):
        return self.metrics.parent / f"{self.process.pid}.pid"

    @property
    def measured(self):
        return [json.loads(line) for line in self.metrics.read_text().splitlines()]

    @property
    def outcome(self):
        return Outcome.parse(self.message.read_text())

    def child(self):
        """The shell's only child, as Katib's collector looks for it."""
        (child,) = (each for each in all_processes() if each.parent == self.process.pid)
        return child.pid

    def stop_early(self):
        """What Katib's collector does when its rules are met."""
        self.mark.write_text("early-stopped")
        os.kill(self.child(), signal.SIGTERM)


@pytest.fixture
def run_pod(tmp_path):
    pods = []

    def start(script, **others):
        pods.append(Pod(tmp_path / f"pod-{len(pods)}", script, **others))
        return pods[-1]

    yield start
    for pod in pods:
        try:
            os.killpg(pod.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        finally:
            pod.process.communicate()


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_trainer_runs_with_all_that_a_pod_gives_it(run_pod, bucket, tmp_path):
    package = tmp_path / "trainer"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "task.py").write_text(
        """if True:
        import argparse, json, os, pathlib
        parser = argparse.ArgumentParser()
        for name in ("train", "out", "optimizer", "lr", "job-dir"):
            parser.add_argument(f"--{name}")
        args = parser.parse_args()
        job_dir = pathlib.Path(args.job_dir)
        (job_dir / "model").mkdir()
        (job_dir / "model" / "weights").write_bytes(pathlib.Path(args.train).read_bytes() * 2)
        config = json.loads(os.environ["TF_CONFIG"])
        seen = [args.out, args.optimizer, args.lr, os.environ["CLOUD_ML_TRIAL_ID"], config["task"]["trial"]]
        seen += [config["job"]["scale_tier"], "HPTUNE_TRIAL" in os.environ]
        print(json.dumps(seen))
        print("step=1 accuracy=0.5")
        print("step=2 accuracy=0.75")
    """
    )
    digest = pack_package(package, tmp_path / "package.tar.gz")
    bucket["data.npz"] = b"data"
    bucket["job/package.tar.gz"] = (tmp_path / "package.tar.gz").read_bytes()
    hostile = 'gra\'d $(id) "ü" ~'
    pod = run_pod(
        "",
        program=Program("trainer.task"),
        packages=(f"s3://bucket/job/package.tar.gz#sha256={digest}",),
        fetch_inputs=True,
        upload_to="s3://bucket/job",
        spec={
            "parameters": {"optimizer": encode_value(hostile), "lr": "1e-05"},
            "training_input": {"scaleTier": "BASIC_GPU"},
            "user_args": ("--train=s3://bucket/data.npz", "--out=s3://bucket/not-there"),
        },
    )
    assert pod.end() == 0, pod.log
    seen = json.loads(next(line for line in pod.log.splitlines() if line.startswith("[")))
    assert seen == ["s3://bucket/not-there", hostile, "1e-05", "3", "3", "BASIC_GPU", False]
    assert pod.mark.read_text() == "completed\n"
    assert [(line["accuracy"], line[STEP_METRIC]) for line in pod.measured] == [("0.5", "1"), ("0.75", "2")]
    assert (pod.outcome.final, pod.outcome.message, pod.outcome.exit_code) == (Measurement(0.75, 2), "", 0)
    assert bucket["job/3/model/weights"] == b"datadata"
    state = "job/hptune/trials/3"
    assert Outcome.parse(bucket[f"{state}/outcome.json"].decode()) == pod.outcome
    assert bucket[f"{state}/log.txt"].decode().endswith("step=2 accuracy=0.75\n")
    assert bucket[f"{state}/measurements.jsonl"].count(b"\n") == 2


def test_a_trainer_that_knows_buckets_gets_its_address_and_is_measured_there(run_pod, bucket):
    script = """if True:
        import io, sys, time
        import fsspec
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter
        data, job_dir = (word.partition("=")[2] for word in sys.argv[1:])
        print(data)
        value = summary_pb2.Summary.Value(tag="accuracy", simple_value=0.75)
        event = event_pb2.Event(step=2, wall_time=time.time(), summary=summary_pb2.Summary(value=[value]))
        buffer = io.BytesIO()
        RecordWriter(buffer).write(event.SerializeToString())
        with fsspec.open(f"{job_dir}/eval/events.out.tfevents.1", "wb") as file:
            file.write(buffer.getvalue())
    """
    bucket["data.npz"] = b"data"
    command = Program(command=(sys.executable, "-c", script))
    spec = {"user_args": ("--data=s3://bucket/data.npz",), "address": "s3://bucket/job/{trial_id}"}
    pod = run_pod("", program=command, upload_to="s3://bucket/job", spec=spec)
    assert pod.end() == 0, pod.log
    assert "s3://bucket/data.npz" in pod.log
    assert pod.outcome.final == Measurement(0.75, 2)
    assert [line["accuracy"] for line in pod.measured] == ["0.75"]
    assert bucket["job/3/eval/events.out.tfevents.1"]


def test_a_file_uri_and_a_volume_do_as_well(run_pod, tmp_path):
    script = (
        "import sys\nopen(sys.argv[-1].partition('=')[2] + '/model', 'w').write('x')\nprint('accuracy=1')"
    )
    pod = run_pod(script, upload_to=(tmp_path / "kept").as_uri())
    assert pod.end() == 0
    assert (tmp_path / "kept/3/model").read_text() == "x"
    volume = tmp_path / "volume"
    pod = run_pod(script, spec={"directory": JobDir(volume).trial("{trial_id}")})
    assert pod.end() == 0
    assert (volume / "3/model").read_text() == "x"
    assert (volume / "hptune/trials/3/log.txt").read_text() == "accuracy=1\n"
    assert Outcome.load(volume / "hptune/trials/3/outcome.json") == pod.outcome


def test_the_most_deliberate_source_has_the_last_line(run_pod):
    script = """if True:
        import json, os, time
        print("step=100 accuracy=0.99", flush=True)
        entry = {"accuracy": "0.5", "global_step": "7", "timestamp": 1.0, "trial": "3"}
        with open(os.environ["CLOUD_ML_HP_METRIC_FILE"], "w") as file:
            file.write(json.dumps(entry) + "\\n")
        time.sleep(0.6)
        print("step=101 accuracy=0.98", flush=True)
    """
    pod = run_pod(script)
    assert pod.end() == 0
    # What was printed is withdrawn: the collector passes over a line without the objective.
    assert [line.get("accuracy") for line in pod.measured] in ([None, "0.5"], ["0.5"])
    assert pod.outcome.final == Measurement(0.5, 7)


EARLY_STOPPING = {"training_input": {"hyperparameters": {"enableTrialEarlyStopping": True}}}


def test_where_trials_are_stopped_early_what_may_be_of_training_waits_until_the_trainer_ends(run_pod):
    script = """if True:
        import time
        print("step=1 accuracy=0.98", flush=True)
        time.sleep(1)
        print("step=2 accuracy=0.99", flush=True)
    """
    pod = run_pod(script, spec=EARLY_STOPPING)
    wait_until(pod.metrics.exists)
    while pod.process.poll() is None and b"0.99" not in pod.metrics.read_bytes():
        assert pod.metrics.read_bytes() == b"" or b"0.99" in pod.metrics.read_bytes()
        time.sleep(0.02)
    assert pod.end() == 0
    assert [line["accuracy"] for line in pod.measured] == ["0.98", "0.99"]


def test_earlier_trials_of_the_job_tell_what_need_not_wait(run_pod, bucket):
    outcome = {"exit_code": 0, "final": {"value": 1, "step": 1}, "message": "", "source": "STDOUT"}
    bucket["job/hptune/trials/1/outcome.json"] = json.dumps(
        {**outcome, "start_time_s": 0.0, "end_time_s": 1.0}
    ).encode()
    script = "import time\nprint('step=1 accuracy=0.5')\ntime.sleep(60)"
    pod = run_pod(script, spec=EARLY_STOPPING, upload_to="s3://bucket/job")
    wait_until(lambda: pod.metrics.exists() and b"0.5" in pod.metrics.read_bytes())
    pod.stop_early()
    assert pod.end() == 0
    assert pod.outcome.source == "STDOUT"


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_diverged_trainer_leaves_katib_no_value(run_pod, value):
    pod = run_pod(f"print('step=1 accuracy=0.5')\nprint('step=2 accuracy={value}')")
    assert pod.end() == 0
    assert pod.metrics.read_bytes() == b""
    assert pod.outcome.message == f"accuracy was {value} at step 2"


def test_a_silent_trainer_leaves_an_empty_file(run_pod):
    pod = run_pod("")
    assert pod.end() == 0
    assert pod.metrics.read_bytes() == b""
    assert "reported no 'accuracy'" in pod.outcome.message


def test_a_failed_trainers_output_is_kept_too(run_pod, bucket):
    pod = run_pod("print('accuracy=0.5')\nraise SystemExit('no gradient')", upload_to="minio://bucket/job")
    assert pod.end() == 1
    assert pod.outcome.message == "exited with code 1"
    assert b"no gradient" in bucket["job/hptune/trials/3/log.txt"]
    assert not pod.mark.exists()


def test_early_stopping_ends_the_trial_in_order(run_pod, bucket):
    script = "import pathlib, sys\npathlib.Path(sys.argv[-1].partition('=')[2], 'model').write_text('x')\n"
    pod = run_pod(script + STOPPABLE, upload_to="s3://bucket/job")
    wait_until(lambda: pod.metrics.exists() and pod.measured)
    pod.stop_early()
    assert pod.end() == 0
    assert pod.mark.read_text() == "completed\n"
    assert (pod.outcome.message, pod.outcome.final) == ("", Measurement(0.25, 4))
    assert [line["accuracy"] for line in pod.measured] == ["0.25"]
    assert bucket["job/3/model"] == b"x"


def test_a_trial_that_is_told_to_stop_says_so_and_uploads(run_pod, bucket):
    saving = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('saving'), sys.exit(0)))\n"
    pod = run_pod(saving + STOPPABLE, upload_to="s3://bucket/job")
    wait_until(lambda: pod.metrics.exists() and pod.measured)
    os.kill(pod.child(), signal.SIGTERM)
    assert pod.end() == 1
    message = "was told to stop: its pod was deleted, evicted or out of time"
    assert (pod.outcome.exit_code, pod.outcome.message) == (-signal.SIGTERM, message)
    assert pod.outcome.final == Measurement(0.25, 4)
    assert bucket["job/hptune/trials/3/log.txt"].endswith(b"saving\n")
    assert not pod.mark.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes where Linux has them")
def test_the_hook_before_a_pods_end_waits_for_the_upload(run_pod, bucket):
    other = run_pod(STOPPABLE)
    pod = run_pod(STOPPABLE, upload_to="s3://bucket/job")
    for each in (other, pod):
        wait_until(lambda each=each: each.metrics.exists() and each.measured)
    hook = {"args": [sys.executable, "-P", "-m", "hptune.trial.pod.stop"], "env": pod.environment}
    subprocess.run(**hook, check=True, timeout=PATIENCE_S)
    assert bucket["job/hptune/trials/3/log.txt"]
    assert pod.end() == 1
    assert pod.outcome.message.startswith("was told to stop")
    assert other.process.poll() is None
    subprocess.run(**hook, check=True, timeout=PATIENCE_S)


def test_sigterm_during_the_upload_does_not_cut_it_off(run_pod, slow_bucket):
    pod = run_pod("print('accuracy=0.5')", upload_to="s3://bucket/job")
    assert slow_bucket.asked.wait(PATIENCE_S)
    os.kill(pod.child(), signal.SIGTERM)
    time.sleep(0.3)
    assert pod.process.poll() is None
    slow_bucket.may_go_on.set()
    assert pod.end() == 0
    assert len(slow_bucket.keys) == 3
    assert pod.outcome.message == ""


def test_a_trial_that_is_killed_while_it_uploads_has_told_its_measurement(run_pod, slow_bucket):
    pod = run_pod("print('step=3 accuracy=0.5')", upload_to="s3://bucket/job")
    assert slow_bucket.asked.wait(PATIENCE_S)
    os.kill(pod.child(), signal.SIGKILL)
    assert pod.end() == 1
    assert pod.outcome.final == Measurement(0.5, 3)
    assert not pod.outcome.succeeded
    assert pod.outcome.message.startswith(
        "reached accuracy 0.5 at step 3, but what it wrote could not be kept"
    )


def test_an_output_that_cannot_be_kept_fails_the_trial_and_says_what_was_reached(run_pod):
    pod = run_pod("print('step=3 accuracy=0.5')", upload_to="https://host.invalid/read-only")
    assert pod.end() == 1
    assert pod.outcome.final == Measurement(0.5, 3)
    assert "reached accuracy 0.5 at step 3, but what it wrote could not be kept: " in pod.outcome.message
    assert Outcome.load(pod.state / "outcome.json") == pod.outcome
    assert not pod.mark.exists()


def test_files_on_web_servers_are_fetched_and_services_left_alone(run_pod, web, tmp_path):
    url, certificate = web
    (tmp_path / "data.npz").write_bytes(b"data")
    arguments = ("--data", f"{url}/data.npz?signature=x", f"--none={url}/none.npz", f"--service={url}/")
    pod = run_pod(
        "import sys\nprint(open(sys.argv[2]).read(), *sys.argv[3:5])",
        fetch_inputs=True,
        spec={"user_args": arguments},
        environment={"SSL_CERT_FILE": str(certificate), "no_proxy": "localhost"},
    )
    assert pod.end() == 0
    assert f"data {' '.join(arguments[2:])}\n" in pod.log
    assert "signature" not in pod.log


def test_a_package_that_was_changed_ends_the_trial_before_it_starts(run_pod, bucket):
    bucket["job/x.whl"] = b"another"
    pod = run_pod("print('ran')", packages=(f"s3://bucket/job/x.whl#sha256={'0' * 64}",))
    assert pod.end() == 1
    assert "ran" not in pod.log
    assert pod.outcome.message.startswith(
        "could not be prepared: the package s3://bucket/job/x.whl was changed"
    )
    assert pod.log.count("was changed") == 1
    assert pod.metrics.read_bytes() == b""


def test_an_input_that_cannot_be_read_ends_the_trial_before_it_starts(run_pod, bucket):
    pod = run_pod(
        "print('ran')",
        fetch_inputs=True,
        spec={"user_args": ("--data=s3://bucket/data.npz",)},
        environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"},
    )
    assert pod.end() == 1
    assert "ran" not in pod.log
    assert pod.outcome.message.startswith("could not be prepared: s3://bucket/data.npz: ")
    assert pod.outcome.start_time_s is None, "what never started took no time"
    assert bucket.keys() == set()


def test_a_trial_that_is_told_to_stop_while_it_fetches_stops_at_once(run_pod, slow_bucket):
    slow_bucket.http.RequestHandlerClass.do_HEAD = slow_bucket.http.RequestHandlerClass.do_PUT
    pod = run_pod("print('ran')", fetch_inputs=True, spec={"user_args": ("--data=s3://bucket/data.npz",)})
    assert slow_bucket.asked.wait(PATIENCE_S)
    os.kill(pod.child(), signal.SIGTERM)
    assert pod.end() == 1
    assert "ran" not in pod.log
    assert pod.outcome.message == "was told to stop before its trainer had started"


def test_a_long_message_fits_the_termination_log(run_pod, tmp_path):
    pod = run_pod("", packages=(f"{tmp_path}/{'long' * 60}/{'name' * 2000}",))
    assert pod.end() == 1
    assert len(pod.message.read_bytes()) <= MESSAGE_BYTES
    assert pod.outcome.message.endswith("...")


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        ("gs://b/x#sha256=1", "is not URI or URI#sha256=HEX"),
        ("https://me:pw@b/x?key#sha256=1", "'https://***@b/x?***' is not URI"),
    ],
)
def test_a_package_that_is_none_ends_the_trial_before_it_starts(run_pod, package, problem):
    pod = run_pod("print('ran')", packages=(package,))
    assert pod.end() == 1
    assert problem in pod.outcome.message
    assert "ran" not in pod.log


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (('"parameters":{}', '"parameters":{"x":"%ff"}'), "parameter x: '%ff' is not encoded"),
        (('"trainingInput":{}', '"trainingInput":[]'), "trainingInput: Input should be a valid dict"),
        (('"jobId":', '"job":'), "HPTUNE_TRIAL: does not describe a trial (jobId: Field required"),
        (('"format":1', '"format":2'), "format 2; must be at most 1"),
        (("{", "", 1), "does not describe a trial (Extra data"),
    ],
)
def test_a_document_that_makes_no_sense_is_refused(run_pod, edit, problem):
    document = run_pod("print('ran')").document
    assert document.replace(*edit) != document
    environment = {"HPTUNE_TRIAL": document.replace(*edit)}
    pod = run_pod("print('ran')", words=("|| test $? = 2 && exit 22",), environment=environment)
    assert pod.end() == 22
    assert problem in pod.log
    assert "Traceback" not in pod.log
    assert "ran" not in pod.log


def test_a_trial_without_a_document_is_refused():
    without = {key: value for key, value in os.environ.items() if key != "HPTUNE_TRIAL"}
    command = [sys.executable, "-P", "-m", "hptune.trial"]
    result = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "HPTUNE_TRIAL: is not set" in result.stderr
