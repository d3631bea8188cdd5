"""make deploy, results, logs and undeploy against a real cluster, and against a stand-in for KFP's API."""

import os
import secrets
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.cluster.build.images import build_flags
from tests.cluster.users import job_file, wait_for
from tests.pipelines.kfp_stand_in import kfp_stand_in

ROOT = Path(__file__).parents[2]
SOURCES = (
    *("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE", ".gitignore", "hptune"),
    *("components", "pipelines", "examples", "manifests", "images"),
)
TRAINER = "print('reading the data', flush=True)\nprint(f'score={x}')\n"
LABEL = "katib.kubeflow.org/metrics-collector-injection"


class Checkout:
    """A committed copy of the checkout, with its virtual environment, and what make is told there."""

    def __init__(self, folder, settings):
        self.path = folder / "checkout"
        self.path.mkdir()
        for name in SOURCES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, self.path / name)
        self._share_venv()
        git = ("git", "-c", "user.name=t", "-c", "user.email=t@t.test")
        for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "x")):
            subprocess.run([*git, *words], cwd=self.path, check=True)
        self._settings = settings

    def _share_venv(self):
        """Its own name for the virtual environment: make must find it up to date, and leave it alone."""
        venv = self.path / ".venv"
        venv.mkdir()
        for each in (ROOT / ".venv").iterdir():
            if not each.name.startswith("installed"):
                (venv / each.name).symlink_to(each)
        (venv / "installed").touch()

    def make(self, goal, environment, **more):
        words = [f"{name}={value}" for name, value in {**self._settings, **more}.items()]
        return subprocess.run(
            ["make", "--no-print-directory", goal, *words],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
        )


@pytest.fixture
def profile(user, tmp_path):
    """A namespace without Katib's label, as an administrator of a Kubeflow makes it."""
    namespace = f"profile-{secrets.token_hex(3)}"
    home = tmp_path / "home"
    home.mkdir()
    someone = replace(user, namespace=namespace, home=home)
    someone.make_namespace(namespace)
    # As KFP makes it in every profile.
    keys = (
        f"accesskey={user.store['AWS_ACCESS_KEY_ID']}",
        f"secretkey={user.store['AWS_SECRET_ACCESS_KEY']}",
    )
    literals = [f"--from-literal={each}" for each in keys]
    someone.ask("create", "secret", "generic", "mlpipeline-minio-artifact", *literals)
    yield someone
    user.run(user.kubectl, "delete", "namespace", namespace, "--wait=false")


def test_a_deployment_to_a_cluster_with_a_stand_in_for_kfp(profile, cluster, tmp_path):
    context = profile.run(profile.kubectl, "config", "current-context").out.strip()
    with kfp_stand_in() as kfp, build_flags(cluster.engine) as flags:
        settings = {
            "OVERLAY": "multi-user",
            "CONTEXT": context,
            "NAMESPACE": profile.namespace,
            "REGISTRY": cluster.registry,
            "KFP_ENDPOINT": kfp.endpoint,
            "DOCKER": cluster.engine.client,
            # The trainer's has TensorFlow, which takes minutes; the trials here run in hptune's.
            "IMAGES": "hptune",
            "BUILD_FLAGS": " ".join(flags),
        }
        checkout = Checkout(tmp_path, settings)
        environment = {
            **os.environ,
            **profile.environment,
            **cluster.engine.environment,
            "KF_PIPELINES_TOKEN": "t",
        }
        deployed = checkout.make("deploy", environment)
        assert deployed.returncode == 0, deployed.stdout[-3000:] + deployed.stderr[-3000:]
        assert "Katib is v0.19.0" in deployed.stdout
        assert_deployed(profile)
        submitted = checkout.make("submit", environment, JOB="piped", CPU="0.05", MEMORY="200Mi")
        assert submitted.returncode == 0, submitted.stderr
        assert_submitted(kfp, profile)
        job = profile.job("deployed", TRAINER, job_file(maxTrials=1, maxParallelTrials=1))
        with job.submitted("--algorithm", "gp-bandit", "--service-account", "hptune-trial") as watched:
            watched.wait_for("its trial has a pod", job.pods)
            early = checkout.make("results", environment, JOB=job.name)
            assert early.returncode == 0, early.stderr
            assert job.name in early.stdout
            refused = checkout.make("undeploy", environment)
            done = watched.end()
        assert done.code == 0, done.err
        # Unless the job was faster.
        assert refused.returncode != 0 or "SUCCEEDED" in early.stdout
        logs = checkout.make("logs", environment, JOB=job.name)
        assert "reading the data" in logs.stdout, logs.stderr
        gone = checkout.make("undeploy", environment, DELETE_DATA="1")
        assert gone.returncode == 0, gone.stderr
    ours = ("--selector", "app.kubernetes.io/part-of=hptune")
    kinds = "roles,rolebindings,serviceaccounts,networkpolicies,secrets,persistentvolumeclaims"
    assert profile.kubectl_json(kinds, *ours)["items"] == []
    wait_for("its Experiment is gone", lambda: not job.experiment)


def assert_submitted(kfp, profile):
    """What KFP is asked to run: the version that was deployed, with trials in the profile's namespace."""
    [run] = kfp.runs
    [version] = kfp.versions
    assert run["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    given = run["runtime_config"]["parameters"]
    katib = given["katib"]
    assert (katib["namespace"], katib["cpu"], katib["memory"]) == (profile.namespace, 0.05, "200Mi")
    assert given["job_dir"] == f"minio://mlpipeline/private/{profile.namespace}/hptune-jobs/piped"


def assert_deployed(profile):
    namespace = profile.kubectl_json("namespace", profile.namespace)
    assert namespace["metadata"]["labels"][LABEL] == "enabled"
    ours = ("--selector", "app.kubernetes.io/part-of=hptune")
    found = profile.kubectl_json("roles,serviceaccounts,networkpolicies", *ours)["items"]
    names = {(each["kind"], each["metadata"]["name"]) for each in found}
    assert names >= {
        ("Role", "hptune-experiments"),
        ("ServiceAccount", "hptune-trial"),
        ("NetworkPolicy", "hptune-suggestion"),
    }
    config = profile.kubectl_json("configmap", "katib-config", "--namespace", "kubeflow")
    suggestions = yaml.safe_load(config["data"]["katib-config.yaml"])["runtime"]["suggestions"]
    assert [each for each in suggestions if each["algorithmName"] == "gp-bandit"]
