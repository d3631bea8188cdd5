"""A trial's pod in an image of the user's without hptune, by Docker as Katib and the kubelet would run it."""

import json
import time
from contextlib import contextmanager

import pytest
import yaml

from hptune.trial.outcome import Outcome
from tests.backends.katib import pod_of_a_trial
from tests.cases.small_jobs import Folder
from tests.entry_point import call
from tests.registry import registry

PATIENCE_S = 120

pytestmark = pytest.mark.docker


@pytest.fixture(scope="session")
def program(engine, hptune_image, tmp_path_factory):
    """The pod's volume with what its init container has copied; twice, for a kubelet may start it again."""
    volume = tmp_path_factory.mktemp("program")
    init = Init(engine, hptune_image, volume, tmp_path_factory.mktemp("job"))
    for _ in range(2):
        init.run()
    return volume


class Init:
    """The pod's init container, with a directory for the volume that it copies to."""

    def __init__(self, engine, image, volume, folder):
        self._engine, self._image = engine, image
        volume.chmod(0o777)
        (init,) = experiment(["--command=task", "--master-image-uri=i"], folder)["initContainers"]
        (mount,) = init["volumeMounts"]
        user = init["securityContext"]["runAsUser"]
        self._flags = ["--network=none", f"--user={user}", "--cap-drop=ALL"]
        self._flags += ["--security-opt=no-new-privileges", f"--volume={volume}:{mount['mountPath']}"]
        self._command = init["command"]

    def run(self):
        self._engine.run(self._image, *self._command, options=self._flags)

    def start(self):
        """Starts it; returns its id."""
        words = ["run", "--detach", *self._flags, "--entrypoint", self._command[0]]
        return self._engine.docker(*words, self._image, *self._command[1:]).stdout.strip()


def experiment(flags, folder, args=()):
    """The pod of trial 7, as Katib makes it."""
    Folder(folder).write_job()
    flags = ["--name=c", "--job-dir=/mnt/hptune/job", "--volume-claim=jobs", *flags]
    ended = call("katib", str(folder / "hptune.yaml"), *flags, *(["--", *args] if args else []))
    assert ended.code == 0, ended.err
    manifest = yaml.safe_load(ended.out)
    name = f"{manifest['metadata']['name']}-7"
    return pod_of_a_trial.render(manifest, {"x": "0.25"}, name)["spec"]["template"]["spec"]


class Pod:
    """The trainer's container, with directories for the pod's volumes."""

    def __init__(self, engine, program, image, folder, flags, args=()):
        self._engine, self._image = engine, image
        (self.container,) = experiment(flags, folder, args)["containers"]
        places = {"work": "/hptune", "volume": "/mnt/hptune", "metrics": "/var/log/hptune"}
        self._mounts = [f"{program}:/hptune-program:ro"]
        for name, path in places.items():
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
            self._mounts.append(f"{folder / name}:{path}")
        self.message, self._metrics, self.volume = folder / "message", folder / "metrics", folder / "volume"
        self.message.touch()
        self.message.chmod(0o666)
        self._mounts.append(f"{self.message}:{self.container['terminationMessagePath']}")

    @contextmanager
    def running(self, *options):
        """Starts the container, Katib's shell around the command; yields its id."""
        variables = {each["name"]: each["value"] for each in self.container["env"]}
        words = pod_of_a_trial.wrap(self.container["command"], "/var/log/hptune")
        flags = ["--network=none", "--detach", "--entrypoint=sh", *options]
        flags += [f"--volume={mount}" for mount in self._mounts]
        flags += [f"--env={name}={value}" for name, value in variables.items()]
        script = pod_of_a_trial.expand(words, variables)
        started = self._engine.docker("run", *flags, self._image, "-c", script).stdout.strip()
        try:
            yield started
        finally:
            self._engine.docker("rm", "--force", started)

    def run(self, *options):
        """Runs the container to its end; returns its exit code and what it printed."""
        with self.running(*options) as started:
            code = int(self._engine.docker("wait", started).stdout)
            logs = self._engine.docker("logs", started)
        return code, logs.stdout + logs.stderr

    def outcome(self):
        return Outcome.parse(self.message.read_text())

    @property
    def marks(self):
        return [mark.read_text() for mark in self._metrics.glob("*.pid")]

    def measured(self):
        file = self._metrics / "measurements.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def pod(engine, program, small_image, tmp_path):
    def make(target, *flags, args=()):
        image = small_image(target)
        named = [] if any("image-uri" in flag for flag in flags) else [f"--master-image-uri={image}"]
        return Pod(engine, program, image, tmp_path, [*named, *flags], args)

    return make


def test_an_image_without_python_and_without_a_c_library_runs_as_a_trial(pod):
    shell = pod("shell", "--command=/bin/sh /task.sh")
    code, printed = shell.run()
    assert code == 0, printed
    assert [float(each["score"]) for each in shell.measured()] == [0.25]
    assert (shell.outcome().final.value, shell.marks) == (0.25, ["completed\n"])


def test_the_images_own_entrypoint_has_the_images_environment_and_none_of_ours(engine, pod, small_image):
    config = engine.inspect(small_image("python"))["Config"]
    with registry(config) as server:
        own = pod("python", f"--master-image-uri={server.image}")
    code, printed = own.run("--env=LD_LIBRARY_PATH=/of/the/image", "--env=LD_PRELOAD=libm.so.6")
    assert code == 0, printed
    found = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
    assert found["argv"] == ["task.py", "--x=0.25", "--job-dir=/mnt/hptune/job/7"]
    assert (found["cwd"], found["user"]) == ("/root", 0)
    environment = found["environment"]
    assert (environment["LD_LIBRARY_PATH"], environment["LD_PRELOAD"]) == ("/of/the/image", "libm.so.6")
    assert [name for name, value in environment.items() if "/hptune-program" in value] == []
    assert not {"PYTHONHOME", "PYTHONPATH", "HPTUNE_TRIAL", "SSL_CERT_FILE"} & environment.keys()
    assert json.loads(environment["TF_CONFIG"])["task"]["trial"] == "7"
    assert (own.volume / "job" / "7" / "below" / "model").read_text() == "model"
    assert own.outcome().final.value == 0.25


def test_an_unprivileged_user_of_the_image_runs_a_command_that_fails_with_its_own_words(pod):
    failing = pod("unprivileged", "--command=python -c 'raise SystemExit(3)'")
    code, _ = failing.run()
    assert code == 1
    assert failing.outcome().exit_code == 3
    assert failing.marks == []


def test_the_hook_before_a_pods_end_stops_the_trainer_in_the_users_image(engine, pod):
    waiting = pod("python", "--command=python task.py", args=["--wait-in=7"])
    hook = waiting.container["lifecycle"]["preStop"]["exec"]["command"]
    with waiting.running() as started:
        deadline = time.monotonic() + PATIENCE_S
        while "started" not in engine.docker("logs", started).stdout and time.monotonic() < deadline:
            time.sleep(0.2)
        engine.docker("exec", started, *hook, check=False)
        assert engine.docker("wait", started).stdout.strip() != "0"
    assert "told to stop" in waiting.outcome().message
    assert waiting.marks == []


def test_a_trial_program_that_is_killed_leaves_no_mark_of_success(pod):
    waiting = pod("shell", "--command=/bin/sh -c 'kill -9 $PPID'")
    code, _ = waiting.run()
    assert code not in (0, 1)
    assert waiting.marks == []


def test_an_init_container_that_is_killed_copies_all_when_it_is_started_again(
    engine, hptune_image, small_image, tmp_path
):
    volume = tmp_path / "program"
    volume.mkdir()
    (tmp_path / "job").mkdir()
    init = Init(engine, hptune_image, volume, tmp_path / "job")
    killed = init.start()
    deadline = time.monotonic() + PATIENCE_S
    while not any(volume.rglob("*.py")) and time.monotonic() < deadline:
        time.sleep(0.01)
    engine.docker("kill", killed)
    assert engine.docker("wait", killed).stdout.strip() == "137"
    engine.docker("rm", "--force", killed)
    init.run()
    flags = [f"--master-image-uri={small_image('shell')}", "--command=/bin/sh /task.sh"]
    shell = Pod(engine, volume, small_image("shell"), tmp_path, flags)
    code, printed = shell.run()
    assert code == 0, printed
    assert shell.outcome().final.value == 0.25
