"""`make cluster`, `addons`, `undeploy` and `ui`, with the same stand-ins."""

import itertools
import os
import re
import signal
import subprocess

import pytest
from checkouts import CANARY, ROOT, stand_in

ADDONS = (ROOT / "manifests" / "scripts" / "addons.sh").read_text()
PINNED = re.findall(r"^readonly (\w+)_COMMIT=([0-9a-f]{40}) +# (\S+)$", ADDONS, re.MULTILINE)
COMMITS = {name: commit for name, commit, _ in PINNED}
LABEL = "kubectl label namespace kubeflow katib.kubeflow.org/metrics-collector-injection=enabled --overwrite"
RUNNING = "kubectl get experiments.kubeflow.org"


def test_cluster_only_prints(checkout):
    result = checkout.make("cluster")
    assert result.returncode == 0, result.stderr
    assert checkout.ran(questions=True) == []
    assert "\n+ gcloud container clusters create tuning --location europe-west4-a" in result.stdout
    assert "\n==> RUN=1 runs these" in result.stdout


def test_cluster_makes_what_is_not_there(checkout):
    checkout.failing.append("gcloud container node-pools describe")
    result = checkout.make("cluster", RUN="1", ACCELERATOR="nvidia-l4", GPUS="1")
    assert result.returncode == 0, result.stderr
    (made,) = (command for command in checkout.ran() if " create " in command)
    assert made.startswith(
        "gcloud container node-pools create l4-x1 --cluster tuning --location europe-west4-a"
    )
    assert "--accelerator type=nvidia-l4,count=1,gpu-driver-version=default" in made
    assert "--machine-type g2-standard-8" in made
    assert "--num-nodes 0 --enable-autoscaling --total-min-nodes 0" in made


def test_cluster_lets_the_pods_accounts_act_for_the_google_one(checkout):
    result = checkout.make("cluster", NAMESPACE="tuning")
    for account in ("hptune-trial", "hptune-launcher"):
        assert f"'serviceAccount:my-project.svc.id.goog[tuning/{account}]'" in result.stdout


LOCAL = {"OVERLAY": "local", "CONTEXT": "kind-tuning"}


def test_a_cluster_of_kind_is_made_once_and_where_addons_looks_for_it(checkout):
    own = str(checkout.path.parent / "my config")
    checkout.failing.append("kind get kubeconfig")
    stand_in(checkout.bin / "kind")
    result = checkout.make("cluster", settings=LOCAL, RUN="1", KUBECONFIG=own)
    assert result.returncode == 0, result.stderr
    (command, environment) = checkout.notes()[-1]
    assert command == ["kind", "create", "cluster", "--name", "tuning"]
    assert environment["KUBECONFIG"] == own
    checkout.failing.clear()
    again = checkout.make("cluster", settings=LOCAL, RUN="1", KUBECONFIG=own)
    assert again.returncode == 0, again.stderr
    assert not [command for command in checkout.ran() if "create" in command]


def test_a_cluster_of_minikube_is_minikubes(checkout):
    result = checkout.make("cluster", settings={**LOCAL, "CONTEXT": "minikube"})
    assert " minikube start\n" in result.stdout
    assert "kind" not in result.stdout


def test_a_cluster_that_is_somebody_elses_is_not_made(checkout):
    users = {"OVERLAY": "multi-user", "CONTEXT": "work", "NAMESPACE": "me"}
    result = checkout.make("cluster", settings=users, RUN="1")
    assert result.returncode == 2
    assert "hptune: CONTEXT: is 'work'; only clusters of GKE" in result.stderr
    assert checkout.ran() == []


@pytest.mark.parametrize("api", ["iamcredentials", "cloudresourcemanager"])
def test_cluster_turns_on_what_workload_identity_and_policies_need(checkout, api):
    (services,) = (line for line in checkout.make("cluster").stdout.splitlines() if "services enable" in line)
    assert f" {api}.googleapis.com " in services


@pytest.mark.parametrize("goal", ["addons", "undeploy", "submit", "results", "ui"])
def test_a_tool_that_is_not_installed_is_told_by_all(checkout, goal):
    (checkout.bin / "gke-gcloud-auth-plugin").unlink()
    result = checkout.make(goal, JOB="mine")
    assert result.returncode == 2
    assert "hptune: gke-gcloud-auth-plugin: is not installed; run: gcloud components" in result.stderr
    assert checkout.ran() == []


@pytest.mark.parametrize("failing", ["gcloud services", "gcloud iam service-accounts add-iam-policy-binding"])
def test_cluster_stops_at_a_failure(checkout, failing):
    checkout.failing.append(failing)
    result = checkout.make("cluster", RUN="1")
    assert result.returncode == 2
    assert checkout.ran()[-1].startswith(failing)
    assert "hptune: this failed with exit code 1:\n    gcloud" in result.stderr


def test_the_commits_that_are_installed_are_those_of_the_versions():
    """Whether a tag stands for that commit only its repository can tell."""
    checks = (ROOT / "manifests" / "scripts" / "checks.sh").read_text()
    versions = dict(re.findall(r"^readonly (\w+)_VERSION=(v\S+)$", checks, re.MULTILINE))
    pinned = re.search(r"^kfp==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert {name: version for name, _, version in PINNED} == {**versions, "KFP": pinned[1]}
    assert len(set(COMMITS.values())) == 3


def test_addons_sets_the_label_last_of_what_touches_the_namespace(checkout):
    result = checkout.make("addons")
    assert result.returncode == 0, result.stderr
    commands = checkout.ran()
    installs = [i for i, command in enumerate(commands) if command.startswith("kubectl apply ")]
    assert [commands[i].rpartition("/")[2] for i in installs] == [
        f"katib-standalone?ref={COMMITS['KATIB']}&timeout=10m",
        f"cluster-scoped-resources?ref={COMMITS['KFP']}&timeout=10m",
        f"platform-agnostic?ref={COMMITS['KFP']}&timeout=10m",
    ]
    assert commands.index(LABEL) > max(installs)
    assert all(
        command.startswith("kubectl rollout status ") for command in commands[commands.index(LABEL) + 1 :]
    )


def test_addons_installs_the_training_operator_first_where_there_is_none(checkout):
    checkout.failing.append("kubectl get crd/tfjobs.kubeflow.org")
    result = checkout.make("addons")
    assert result.returncode == 0, result.stderr
    commands = checkout.ran()
    installs = [command for command in commands if command.startswith("kubectl apply ")]
    url = "github.com/kubeflow/training-operator.git/manifests/overlays/standalone"
    url += f"?ref={COMMITS['TRAINING_OPERATOR']}&timeout=10m"
    assert installs[0].endswith(url) or installs[0].endswith(f"'{url}'")
    assert "katib-standalone" in installs[1]
    # A Katib of before would not see its jobs.
    restart = commands.index("kubectl rollout restart deployment/katib-controller --namespace kubeflow")
    assert restart > commands.index(LABEL)
    assert any("rollout status deployment/training-operator" in each for each in commands[restart:])


def test_addons_are_not_for_a_kubeflow_with_users(checkout):
    result = checkout.make("addons", settings={}, OVERLAY="multi-user", CONTEXT="work", NAMESPACE="me")
    assert result.returncode == 2
    assert "hptune: OVERLAY: is multi-user; " in result.stderr


def test_undeploy_leaves_what_jobs_left(deployed):
    result = deployed.make("undeploy", settings={})
    assert result.returncode == 0, result.stderr
    deleted = [command.split()[2] for command in deployed.ran() if command.startswith("kubectl delete ")]
    assert deleted == ["rolebindings,roles,serviceaccounts,networkpolicies,secrets"]
    assert not any("storage rm" in command for command in deployed.ran())
    assert "DELETE_DATA=1 deletes it" in result.stdout


def test_undeploy_deletes_data_when_told_to(checkout):
    result = checkout.make("undeploy", DELETE_DATA="1")
    assert result.returncode == 0, result.stderr
    commands = checkout.ran()
    assert "gcloud storage rm gs://my-project-hptune/hptune-jobs/**" in commands
    for kind in ("experiments.kubeflow.org", "persistentvolumeclaims"):
        assert any(
            command.startswith(f"kubectl delete {kind} --namespace kubeflow --selector ")
            for command in commands
        )


def test_undeploy_twice(deployed):
    for _ in range(2):
        result = deployed.make("undeploy", DELETE_DATA="1")
        assert result.returncode == 0, result.stderr
    assert not (deployed.path / "build" / "deploy" / "settings.env").exists()


def test_undeploy_of_another_cluster_keeps_the_settings_of_the_last_deploy(deployed):
    assert deployed.make("undeploy", CLUSTER="other").returncode == 0
    again = deployed.make("undeploy", settings={})
    assert again.returncode == 0, again.stderr


def test_undeploy_where_katib_is_gone(checkout):
    checkout.answers["kubectl get configmap katib-config"] = ""
    checkout.failing += [RUNNING, "hptune katib-register", "kubectl delete experiments.kubeflow.org"]
    refused = checkout.make("undeploy")
    assert "FORCE=1 goes on without looking" in refused.stderr
    result = checkout.make("undeploy", FORCE="1", DELETE_DATA="1")
    assert result.returncode == 0, result.stderr
    assert any(command.startswith("kubectl delete rolebindings") for command in checkout.ran())


def test_undeploy_of_a_profile_leaves_the_algorithm_to_others(checkout):
    users = {"OVERLAY": "multi-user", "CONTEXT": "work", "NAMESPACE": "me"}
    result = checkout.make("undeploy", settings=users, DELETE_DATA="1")
    assert result.returncode == 0, result.stderr
    assert not [command for command in checkout.ran() if command.startswith("hptune")]
    assert "minio://mlpipeline/private/me/hptune-jobs/" in result.stdout


def test_undeploy_can_be_run_again(checkout):
    checkout.failing.append("kubectl delete")
    assert checkout.make("undeploy").returncode == 2
    checkout.failing.clear()
    assert checkout.make("undeploy").returncode == 0


def test_undeploy_is_refused_while_jobs_run(checkout):
    checkout.answers[RUNNING] = "mnist-1 Created Running"
    result = checkout.make("undeploy")
    assert result.returncode == 2
    assert "hptune: running jobs: mnist-1; cancel them first, or give FORCE=1" in result.stderr
    assert not [command for command in checkout.ran() if command.startswith(("kubectl delete", "hptune"))]
    assert checkout.make("undeploy", FORCE="1").returncode == 0


def test_undeploy_does_not_mind_jobs_that_have_ended(checkout):
    checkout.answers[RUNNING] = "mnist-1 Created Succeeded"
    assert checkout.make("undeploy").returncode == 0


def processes_of_group(group):
    """Command lines of those that still run; who has ended and is not waited for is none of them."""
    found = subprocess.run(
        ["ps", "-e", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split(None, 2) for line in found.splitlines()]
    return [line[2] for line in lines if line[0] == str(group) and not line[1].startswith("Z")]


def test_ui_forwards_both_pages_until_ctrl_c(deployed):
    with deployed.started("ui", settings={}) as process:
        lines = list(itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
        os.killpg(process.pid, signal.SIGINT)
        out, error = process.communicate(timeout=10)
    text = "".join(lines) + out
    assert "http://127.0.0.1:8080/#/pipelines" in text
    assert "http://127.0.0.1:8081/katib/" in text
    assert "this failed" not in error
    assert not processes_of_group(process.pid)


def test_nothing_secret_is_shown(checkout):
    for goal in ("addons", "undeploy"):
        result = checkout.make(goal)
        assert CANARY not in result.stdout + result.stderr + "".join(checkout.ran(questions=True))
