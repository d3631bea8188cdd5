"""A user of a cluster: types hptune's and kubectl's commands, and knows nothing of hptune's modules."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HPTUNE = Path(sys.executable).with_name("hptune")
# Trials ask for little, so that a dozen of them run at once on two processors.
SMALL = ("--gpus", "0", "--cpu", "0.05", "--memory", "200Mi")
SECRET = "object-store"
# With it trials are numbered as they were suggested; with Katib's own algorithms they have random names.
NUMBERED = ("--algorithm", "gp-bandit")
# What every trainer begins with: its arguments, of which the last of a name wins, and its trial's number.
PRELUDE = """
import os, signal, sys, time
args = dict(zip((name.removeprefix("--") for name in sys.argv[1::2]), sys.argv[2::2]))
name = os.environ["CLOUD_ML_TRIAL_ID"]
trial = int(name) if name.isdigit() else 0
x = float(args.get("x", 0))
"""
X = {"parameterName": "x", "type": "DOUBLE", "minValue": 0.1, "maxValue": 1}
TAG = "score"
_POLL_S = 0.5


def job_file(*, params: list[dict[str, Any]] | None = None, **tuning: Any) -> dict[str, Any]:
    """A job file whose trials maximise ``score``."""
    given = {"goal": "MAXIMIZE", "hyperparameterMetricTag": TAG, "maxTrials": 2, "maxParallelTrials": 2}
    return {"trainingInput": {"hyperparameters": {**given, **tuning, "params": params or [X]}}}


@dataclass
class Finished:
    """A command that has ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@dataclass
class User:
    """Someone with a kube configuration and a namespace.

    Attributes:
        kubeconfig: Who they are.
        namespace: Where their jobs run.
        image: The hptune image's address.
        bucket: Where jobs live.
        store: Variables by which programs find the object store.
        kubectl: The program.
        home: A directory of their own.
    """

    kubeconfig: Path
    namespace: str
    image: str
    bucket: str
    store: dict[str, str]
    kubectl: str
    home: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {**os.environ, **self.store, "KUBECONFIG": str(self.kubeconfig), "COLUMNS": "200"}

    def hptune(self, *words: str | Path, timeout_s: float = 300) -> Finished:
        """Runs a command of hptune's to its end."""
        return self.run(HPTUNE, *words, timeout_s=timeout_s)

    def kubectl_json(self, *words: str) -> Any:
        """What kubectl says of objects, parsed."""
        return json.loads(self.ask("get", *words, "--output", "json"))

    def ask(self, *words: str, given: str | None = None) -> str:
        """Runs kubectl in the namespace, which must succeed."""
        place = [] if "apply" in words else ["--namespace", self.namespace]
        done = self.run(self.kubectl, *place, *words, given=given)
        assert done.code == 0, done.err
        return done.out

    def make_namespace(self, name: str, **labels: str) -> None:
        """Makes a namespace for trials, with the object store's key as a secret, unless it is there."""
        metadata = {"name": name, "labels": labels}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": name},
            "stringData": self.store,
        }
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        content = {"apiVersion": "v1", "kind": "List", "items": [space, secret]}
        self.ask("apply", "--filename", "-", given=json.dumps(content))

    def run(self, *command: str | Path, given: str | None = None, timeout_s: float = 300) -> Finished:
        """Runs a command to its end, in the user's directory."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words,
            input=given,
            timeout=timeout_s,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def job(self, name: str, trainer: str, content: dict[str, Any] | None = None) -> "Job":
        """A job with a trainer of a few lines, and with a name that no other run has."""
        unique = f"{name}_{secrets.token_hex(3)}"
        folder = self.home / unique
        (folder / "trainer").mkdir(parents=True)
        (folder / "trainer" / "__init__.py").touch()
        (folder / "trainer" / "task.py").write_text(PRELUDE + trainer)
        (folder / "hptune.yaml").write_text(json.dumps(content or job_file()))
        return Job(self, unique, folder)


@dataclass
class Job:
    """A job on the command line."""

    user: User
    name: str
    folder: Path

    @property
    def job_dir(self) -> str:
        """Where it lives."""
        return f"{self.user.bucket}/{self.name}"

    @property
    def words(self) -> tuple[str, ...]:
        """What names it to commands."""
        return (self.name, "--namespace", self.user.namespace)

    def command(self, *flags: str, image: str | None = None, small: bool = True) -> list[str]:
        """The words of `hptune submit`; behind ``--`` among the flags are the trainer's arguments."""
        options = [
            *("--config", self.folder / "hptune.yaml", "--namespace", self.user.namespace),
            *("--package-path", self.folder / "trainer", "--module-name", "trainer.task"),
            *("--job-dir", self.job_dir, "--image", image or self.user.image, "--secret", SECRET),
            *(SMALL if small else ()),
        ]
        return [str(word) for word in (HPTUNE, "submit", self.name, *options, *flags)]

    def submit(self, *flags: str, timeout_s: float = 420, **options: Any) -> Finished:
        """Runs it to its end."""
        return self.user.run(*self.command(*flags, **options), timeout_s=timeout_s)

    def submitted(self, *flags: str, **options: Any) -> AbstractContextManager["Watched"]:
        """Runs it beside the block; where it still runs at the block's end, the command is killed."""
        return self._beside("submit", self.command(*flags, **options))

    def followed(self) -> AbstractContextManager["Watched"]:
        """Runs `hptune stream-logs` beside the block; where it still runs at the block's end it is killed."""
        return self._beside("stream-logs", [str(HPTUNE), "stream-logs", *self.words])

    @contextmanager
    def _beside(self, name: str, command: list[str]) -> Iterator["Watched"]:
        files = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with files[0].open("w") as out, files[1].open("w") as err:
            process = subprocess.Popen(
                command, stdout=out, stderr=err, cwd=self.folder, env=self.user.environment
            )
        watched = Watched(process, *files)
        try:
            yield watched
        finally:
            if process.poll() is None:
                watched.kill()

    def describe(self) -> dict[str, Any]:
        """What `hptune describe` says, parsed."""
        done = self.user.hptune("describe", *self.words, "--format", "json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def trials(self) -> list[dict[str, Any]]:
        """The trials as ML Engine described them; none before the job is known."""
        done = self.user.hptune("describe", *self.words, "--format", "json")
        return json.loads(done.out)["trainingOutput"].get("trials", []) if done.code == 0 else []

    @property
    def experiment(self) -> str:
        """The name of its Experiment."""
        names = self.user.ask(
            "get", "experiments", "--selector", f"hptune.dev/job={self.label}", "-o", "name"
        )
        return names.strip().rpartition("/")[2]

    @property
    def label(self) -> str:
        """The value of its label."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower())

    def has(self, condition: str) -> bool:
        """Whether its Experiment is there, and Katib says so of it."""
        selector = f"hptune.dev/job={self.label}"
        found = self.user.kubectl_json("experiments", "--selector", selector)["items"]
        conditions = found[0].get("status", {}).get("conditions", []) if found else []
        return {"type": condition, "status": "True"} in [
            {key: each[key] for key in ("type", "status")} for each in conditions
        ]

    def pods_of_label(self) -> list[dict[str, Any]]:
        """All of its pods, also of a job whose Experiment is gone."""
        return self.user.kubectl_json("pods", "--selector", f"hptune.dev/job={self.label}")["items"]

    def pods(self) -> list[dict[str, Any]]:
        """The pods of its trials."""
        selector = f"katib.kubeflow.org/experiment={self.experiment},katib.kubeflow.org/trial"
        return self.user.kubectl_json("pods", "--selector", selector)["items"] if self.experiment else []

    def running_pods(self) -> list[str]:
        """Names of its trials' pods whose containers run."""
        return [pod["metadata"]["name"] for pod in self.pods() if pod["status"].get("phase") == "Running"]

    def cancel(self, *flags: str) -> Finished:
        """Runs `hptune cancel`."""
        return self.user.hptune("cancel", *self.words, *flags)


@dataclass
class Watched:
    """A command of hptune's while it runs, and the files of what it writes."""

    process: subprocess.Popen[bytes]
    out_file: Path
    err_file: Path

    @property
    def err(self) -> str:
        """What it has written to standard error so far."""
        return self.err_file.read_text()

    @property
    def out(self) -> str:
        """What it has written to standard output so far."""
        return self.out_file.read_text()

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self, timeout_s: float = 420) -> Finished:
        """Waits for its end."""
        code = self.process.wait(timeout_s)
        return Finished(code, self.out, self.err)

    def wait_for(self, what: str, happened: Callable[[], Any], timeout_s: float = 240) -> Any:
        """Waits until something is so while the job runs, and returns what was not false."""
        return wait_for(what, happened, timeout_s=timeout_s, context=lambda: self.err + self.out)


def wait_for(
    what: str,
    happened: Callable[[], Any],
    *,
    timeout_s: float = 240,
    context: Callable[[], str] = str,
) -> Any:
    """Waits until something is so, and returns what was not false."""
    deadline = time.monotonic() + timeout_s
    while not (found := happened()):
        assert time.monotonic() < deadline, f"not {what} after {timeout_s:.0f} s\n{context()}"
        time.sleep(_POLL_S)
    return found
