"""What Katib runs of the images: the suggestion service and a trial, not as root and without capabilities."""

import json
import re
import time
from contextlib import contextmanager

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from hptune.backends.katib.suggestion.registration import SuggestionImage
from hptune.data.download import download
from hptune.data.split import preprocess
from hptune.trial.outcome import Outcome
from tests.backends.katib import pod_of_a_trial
from tests.backends.katib import suggestion_server as katib
from tests.entry_point import call
from tests.job_texts import mnist_job

MODULE = "trainer.mnist_mlp_lr_numsteps"
JOB_FILE = mnist_job(max_trials=2, max_steps=1_000_000)
RESTRICTED = ["--user=10001:10001", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
PATIENCE_S = 120

pytestmark = pytest.mark.docker


@contextmanager
def running(engine, image, *command, options=()):
    """A container in the background; yields its id."""
    container = engine.docker("run", "--detach", *RESTRICTED, *options, image, *command).stdout.strip()
    try:
        yield container
    finally:
        engine.docker("rm", "--force", container)


def wait_for(find):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {PATIENCE_S} s: {find}")


def test_the_hptune_image_suggests_as_it_is_registered(engine, hptune_image):
    entry = SuggestionImage(hptune_image).entry
    memory = entry["resources"]["limits"]["memory"].removesuffix("i").lower()
    options = ["--network=host", f"--memory={memory}"]
    with running(engine, hptune_image, *entry["command"], "--port=0", options=options) as container:

        def port():
            logs = engine.docker("logs", container)
            return re.search(r"listening on port (\d+)", logs.stdout + logs.stderr)

        server = katib.Server(process=None, port=int(wait_for(port)[1]))
        with grpc.insecure_channel(server.address) as channel:
            service = health_pb2.HealthCheckRequest(service="manager.v1beta1.Suggestion")
            health = health_pb2_grpc.HealthStub(channel).Check(service, timeout=PATIENCE_S)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        asked = katib.KatibStandIn(katib.experiment(katib.MIXED, katib.MIXED_SETTINGS)).request(3)
        suggested = [katib.values(each) for each in server.get(asked).parameter_assignments]
    assert len(suggested) == 3
    assert all(0.001 <= float(each["lr"]) <= 0.1 and each["fixed"] == "7" for each in suggested)


class TrialPod:
    """The container of a trial as Katib and the kubelet would start it, with directories for its volumes."""

    def __init__(self, engine, image, folder):
        self.engine, self.image = engine, image
        self.volume, self.metrics, self.work = (folder / name for name in ("volume", "metrics", "work"))
        for directory in (self.volume, self.metrics, self.work):
            directory.mkdir()
            # fsGroup and emptyDir do the like.
            directory.chmod(0o777)
        self.message = folder / "message"
        self.message.touch()
        self.message.chmod(0o666)
        (folder / "hptune.yaml").write_text(JOB_FILE)
        download("digits", self.volume / "digits.npz")
        files = {"tune_file": self.volume / "tune.npz", "final_file": self.volume / "final.npz"}
        preprocess(self.volume / "digits.npz", **files)
        for file in self.volume.iterdir():
            file.chmod(0o644)
        flags = ["--volume-claim=jobs", "--job-dir=/mnt/hptune/job", "--gpus=0", f"--image={image}"]
        printed = call(
            *("katib", str(folder / "hptune.yaml"), "--name=job", f"--module-name={MODULE}", *flags),
            *("--", "--train-file", "/mnt/hptune/tune.npz", "--hidden-units", "20"),
        )
        assert printed.code == 0, printed.err
        self.experiment = yaml.safe_load(printed.out)

    def container(self, steps):
        """The container of the Job, and docker's words for running it."""
        name = f"{self.experiment['metadata']['name']}-7"
        job = pod_of_a_trial.render(self.experiment, {"num-steps": str(steps), "lr": "0.05"}, name)
        (container,) = job["spec"]["template"]["spec"]["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        script = pod_of_a_trial.expand(
            pod_of_a_trial.wrap(container["command"], "/var/log/hptune"), variables
        )
        mounts = {
            self.volume: "/mnt/hptune",
            self.metrics: "/var/log/hptune",
            self.work: "/hptune",
            self.message: container["terminationMessagePath"],
        }
        options = ["--network=none", *(f"--volume={source}:{target}" for source, target in mounts.items())]
        options += [f"--env={key}={value}" for key, value in variables.items()]
        return container, {"options": options, "command": ["sh", "-c", script]}

    def measurements(self):
        file = self.metrics / "measurements.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def outcome(self):
        return Outcome.parse(self.message.read_text())


@pytest.fixture
def pod(engine, trainer_image, tmp_path):
    return TrialPod(engine, trainer_image, tmp_path)


def test_a_trials_container_measures_and_leaves_what_it_should(engine, pod):
    _, run = pod.container(steps=20)
    engine.run(pod.image, *run["command"], options=[*RESTRICTED, *run["options"]])
    last, outcome = pod.measurements()[-1], pod.outcome()
    assert outcome.succeeded
    assert (float(last["accuracy"]), int(last["hptune-training-step"])) == (outcome.final.value, 20)
    assert [mark.read_text() for mark in pod.metrics.glob("*.pid")] == ["completed\n"]
    assert (pod.volume / "job" / "7" / "model" / "saved_model.pb").is_file()


def test_the_hook_before_a_pods_end_stops_the_trainer_and_tells_the_outcome(engine, pod):
    container, run = pod.container(steps=1_000_000)
    hook = container["lifecycle"]["preStop"]["exec"]["command"]
    with running(engine, pod.image, *run["command"], options=run["options"]) as started:
        wait_for(pod.measurements)
        # The end of the container, which has the shell as its first process here, ends the hook as well.
        engine.docker("exec", started, *hook, check=False)
        code = engine.docker("wait", started).stdout.strip()
    outcome = pod.outcome()
    assert code != "0"
    assert not list(pod.metrics.glob("*.pid")), "Katib would take the trial for a success"
    assert not outcome.succeeded
    assert outcome.final is not None
