"""The pipeline's tune step in a pod of Argo Workflows, with KFP's executor and without KFP's launcher."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.users import SECRET, job_file, wait_for

ROOT = Path(__file__).parents[2]
ACCOUNT = "hptune-launcher"
# As KFP's launcher: passes on what the step prints, dies of SIGTERM at once, and the container ends with it.
# Its child is in a session of its own, for otherwise it has up to a second: whether that is enough is luck.
LAUNCHER = """
import subprocess, sys
pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
step = subprocess.Popen(sys.argv[1:], start_new_session=True, **pipes)
for line in step.stdout:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
sys.exit(step.wait())
"""
TRAINER = "print('score=1')\n"
SLEEPER = "import time\ntime.sleep(600)\n"


@pytest.fixture
def argo(user, cluster):
    if not cluster.engine.own and user.run(user.kubectl, "get", "crd", "workflows.argoproj.io").code:
        pytest.skip("the cluster that KUBECONFIG names has no Argo Workflows")
    manifests = user.run(user.kubectl, "kustomize", ROOT / "manifests" / "overlays" / "local")
    objects = [each for each in yaml.safe_load_all(manifests.out) if wanted(each)]
    for each in objects:
        each["metadata"]["namespace"] = user.namespace
        for subject in each.get("subjects", ()):
            subject["namespace"] = user.namespace
    content = {"apiVersion": "v1", "kind": "List", "items": objects}
    user.ask("apply", "--filename", "-", given=json.dumps(content))
    return user


def wanted(manifest):
    return manifest["kind"] in ("Role", "RoleBinding", "ServiceAccount")


@pytest.fixture(scope="session")
def step_command(tmp_path_factory):
    """The tune step's command, as the pipeline is compiled."""
    path = tmp_path_factory.mktemp("pipeline") / "pipeline.yaml"
    command = [sys.executable, "-m", "pipelines", "compile", "--backend", "katib", "--output", path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    pipeline = next(iter(yaml.safe_load_all(path.read_text())))
    container = pipeline["deploymentSpec"]["executors"]["exec-tune"]["container"]
    return container["command"], container["args"]


def executor_input(parameters):
    """What KFP's launcher tells the step."""
    outputs = {}
    for name, kind in (
        ("study", "system.Artifact"),
        ("job", "system.Artifact"),
        ("metrics", "system.Metrics"),
    ):
        artifact = {"name": name, "uri": f"/tmp/out/{name}", "type": {"schemaTitle": kind}, "metadata": {}}
        outputs[name] = {"artifacts": [artifact]}
    data = {"name": "data", "uri": "/tmp/in/data", "type": {"schemaTitle": "system.Dataset"}, "metadata": {}}
    return {
        "inputs": {"parameterValues": parameters, "artifacts": {"data": {"artifacts": [data]}}},
        "outputs": {"artifacts": outputs, "outputFile": "/tmp/out/executor_output.json"},
    }


def start(user, step_command, trainer, **parameters):
    """Starts a workflow of that one step; returns its name, and the job's."""
    name = f"tune-{secrets.token_hex(3)}"
    job = name.replace("-", "_")
    given = {
        "job_file": json.dumps(job_file(maxTrials=1, maxParallelTrials=1, algorithm="RANDOM_SEARCH")),
        "job_name": job,
        "job_dir": f"{user.bucket}/{job}",
        "module_name": "trainer.task",
        "package_path": "/tmp/in/trainer",
        "data_flag": "",
        "backend": "katib",
        "katib": {"image": user.image, "gpus": 0, "cpu": 0.05, "memory": "200Mi", "secret": SECRET},
        **parameters,
    }
    command, arguments = step_command
    words = [
        *command,
        *(json.dumps(executor_input(given)) if word == "{{$}}" else word for word in arguments),
    ]
    setup = "mkdir -p /tmp/in/trainer /tmp/out && touch /tmp/in/data /tmp/in/trainer/__init__.py && "
    setup += 'printf "%s" "$TRAINER" > /tmp/in/trainer/task.py && exec python -c "$LAUNCHER" "$@"'
    environment = {"TRAINER": trainer, "LAUNCHER": LAUNCHER}
    container = {
        "image": user.image,
        "command": ["sh", "-ec", setup, "sh", *words],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "envFrom": [{"secretRef": {"name": SECRET}}],
        "resources": {"requests": {"cpu": "50m", "memory": "200Mi"}},
    }
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {
            "entrypoint": "tune",
            "serviceAccountName": ACCOUNT,
            "templates": [{"name": "tune", "container": container}],
        },
    }
    user.ask("create", "--namespace", user.namespace, "--filename", "-", given=json.dumps(workflow))
    return name, job


def phase(user, name):
    return user.kubectl_json("workflow", name).get("status", {}).get("phase")


def logs(user, name):
    selector = f"workflows.argoproj.io/workflow={name}"
    return user.run(
        user.kubectl, "logs", "--namespace", user.namespace, "--selector", selector, "-c", "main"
    ).out


def experiments(user, job):
    return user.kubectl_json("experiments", "--selector", f"hptune.dev/job={job.replace('_', '-')}")["items"]


def test_the_tune_step_runs_under_argoexec(argo, step_command):
    name, job = start(argo, step_command, TRAINER)
    wait_for(
        "the step has ended",
        lambda: phase(argo, name) in ("Succeeded", "Failed", "Error"),
        context=lambda: logs(argo, name),
    )
    assert phase(argo, name) == "Succeeded", logs(argo, name)
    [experiment] = experiments(argo, job)
    pod = experiment["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    requests = pod["containers"][0]["resources"]["requests"]
    assert (requests["cpu"], requests["memory"]) == ("50m", "200Mi")
    described = argo.hptune("describe", job, "--namespace", argo.namespace, "--format", "json")
    assert json.loads(described.out)["state"] == "SUCCEEDED"


def test_a_terminated_workflow_takes_its_job_away(argo, step_command):
    name, job = start(argo, step_command, SLEEPER, delete_on_cancel=True)
    wait_for("its trial runs", lambda: "trial 1/1 runs" in logs(argo, name), context=lambda: logs(argo, name))
    assert experiments(argo, job)
    argo.ask(
        "patch", "workflow", name, "--type=merge", "--patch", json.dumps({"spec": {"shutdown": "Terminate"}})
    )
    wait_for("the step has ended", lambda: phase(argo, name) in ("Failed", "Error"))
    wait_for("the job is gone", lambda: not experiments(argo, job), timeout_s=60)
