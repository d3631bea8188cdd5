"""`make deploy`, with stand-ins for gcloud, docker, kubectl, hptune and the pipeline's program."""

import re
import shlex

import pytest
import yaml
from checkouts import CANARY, GKE, LABEL_QUESTION, REGISTRY, STAND_INS, STATE


def starts(commands, words=3):
    return [" ".join(command.split()[:words]) for command in commands]


ORDER = [
    "gcloud container clusters",
    "gcloud auth configure-docker",
    "docker build --file",
    "docker build --file",
    "docker tag hptune/hptune:REVISION",
    "docker tag hptune/trainer:REVISION",
    "docker push REGISTRY/hptune:REVISION",
    "docker push REGISTRY/trainer:REVISION",
    "kubectl apply --filename",
    "kubectl label namespace",
    "hptune katib-register --image",
    "kubectl port-forward --namespace",
    "python -m pipelines.mnist",
]


def expected_order(checkout):
    return [start.replace("REVISION", checkout.revision).replace("REGISTRY", REGISTRY) for start in ORDER]


def test_does_everything_in_order(deployed):
    assert starts(deployed.ran()) == expected_order(deployed)
    assert "open    http://localhost:8080/#/pipelines while this runs: make ui" in deployed.output
    assert "run     make submit" in deployed.output


def test_nothing_is_changed_before_everything_was_asked(deployed):
    commands = deployed.ran(questions=True)
    last_question = max(i for i, command in enumerate(commands) if "auth can-i" in command)
    changes = [i for i, command in enumerate(commands) if command.startswith(("docker", "kubectl apply"))]
    assert last_question < min(changes)


def test_the_pipeline_is_compiled_with_the_images_that_were_pushed(deployed):
    upload = deployed.environments()[-1]
    command = deployed.ran()[-1]
    assert command.startswith(
        "python -m pipelines.mnist upload --endpoint http://127.0.0.1:54321 --backend katib --gpus 1 "
    )
    assert command.endswith(" --ui http://localhost:8080")
    assert upload["HPTUNE_IMAGE"] == f"{REGISTRY}/hptune:{deployed.revision}"
    assert upload["HPTUNE_TRAINER_IMAGE"] == f"{REGISTRY}/trainer:{deployed.revision}"


def test_the_users_own_kube_configuration_is_left_alone(deployed_once):
    own = str(deployed_once.path / STATE / "kubeconfig")
    used = [
        (argv, environment["KUBECONFIG"])
        for argv, environment in deployed_once.notes()
        if argv[0] in ("kubectl", "hptune", "python") and "--client" not in argv
    ]
    assert {kubeconfig for _, kubeconfig in used} == {own}


def test_applies_the_overlay_for_these_settings(checkout):
    checkout.make("deploy", NAMESPACE="tuning")
    objects = list(yaml.safe_load_all((checkout.path / STATE / "manifests.yaml").read_text()))
    assert {each["metadata"]["namespace"] for each in objects} == {"tuning"}
    accounts = [each for each in objects if each["kind"] == "ServiceAccount"]
    annotation = {"iam.gke.io/gcp-service-account": "hptune@my-project.iam.gserviceaccount.com"}
    assert [each["metadata"]["annotations"] for each in accounts] == [annotation, annotation]


@pytest.mark.parametrize(
    "failing",
    [
        "gcloud container clusters get-credentials",
        "gcloud auth configure-docker",
        "docker build",
        "docker push",
        "kubectl kustomize",
        "kubectl apply",
        "kubectl label",
        "hptune katib-register",
        "kubectl port-forward",
        "python -m pipelines.mnist",
    ],
)
def test_a_failure_stops_it_and_a_second_run_completes_it(checkout, failing):
    checkout.failing.append(failing)
    failed = checkout.make("deploy")
    assert failed.returncode == 2  # make's own, for a recipe that failed
    *earlier, last = checkout.ran(questions=True)
    assert last.startswith(failing)
    assert not any(command.startswith(failing) for command in earlier)
    assert "hptune: this failed with exit code " in failed.stderr
    assert "hptune: see" in failed.stderr
    assert "then run the same make again" in failed.stderr
    assert "is deployed" not in failed.stdout

    checkout.failing.clear()
    again = checkout.make("deploy")
    assert again.returncode == 0, again.stderr
    assert starts(checkout.ran()) == expected_order(checkout)


def test_a_second_deploy_needs_no_settings(deployed):
    again = deployed.make("deploy", settings={})
    assert again.returncode == 0, again.stderr
    # The label is there; owners of a profile may not set it.
    label = "kubectl label namespace"
    assert starts(deployed.ran()) == [start for start in expected_order(deployed) if start != label]


def test_the_label_is_set_again_where_it_is_lost(deployed):
    deployed.answers[LABEL_QUESTION] = ""
    assert deployed.make("deploy", settings={}).returncode == 0
    assert starts(deployed.ran()) == expected_order(deployed)


def refused(checkout, *failing):
    checkout.failing += failing
    result = checkout.make("deploy")
    assert result.returncode == 2
    return result


def test_everything_that_is_missing_is_told_at_once(checkout):
    result = refused(
        checkout,
        "gcloud storage buckets describe",
        "gcloud artifacts repositories describe",
        "gcloud iam service-accounts describe",
    )
    assert [line.split(" is ")[0] for line in result.stderr.splitlines()[:3]] == [
        "hptune: BUCKET:",
        "hptune: service account: hptune@my-project.iam.gserviceaccount.com",
        "hptune: REGISTRY:",
    ]
    mend = "run: make cluster PROJECT=my-project REGION=europe-west4-a CLUSTER=tuning RUN=1"
    assert result.stderr.count(mend) == 3
    assert checkout.ran() == []


def test_what_mends_it_is_for_the_same_settings(checkout):
    checkout.failing += ["gcloud storage buckets describe", "gcloud artifacts repositories describe"]
    registry = "us-docker.pkg.dev/images/team"
    result = checkout.make("deploy", BUCKET="mine", NAMESPACE="tuning", REGISTRY=registry)
    command = re.search(r"run: make (.*) RUN=1", result.stderr).group(1).split()
    settings = dict(word.split("=") for word in command[1:])
    made = checkout.make(command[0], settings=settings).stdout
    assert "gcloud storage buckets create gs://mine " in made
    assert "gcloud artifacts repositories create team --location us --project images " in made
    assert "gcloud artifacts repositories add-iam-policy-binding team --location us --project images " in made
    assert "my-project.svc.id.goog[tuning/hptune-trial]" in made


def test_what_the_cluster_lacks_is_told_at_once(checkout):
    result = refused(
        checkout,
        "kubectl get experiments.kubeflow.org",
        "kubectl get deployment ml-pipeline",
        "kubectl auth can-i create roles",
    )
    assert "Katib: is not installed, or not yours to use in kubeflow; run: make addons" in result.stderr
    assert "KFP: does not run in the namespace kubeflow; run: make addons" in result.stderr
    assert "permission: to create roles in kubeflow is missing" in result.stderr
    assert starts(checkout.ran(), 4) == ["gcloud container clusters get-credentials"]


def test_pods_that_may_not_act_for_the_google_account_are_told(checkout):
    query = "gcloud iam service-accounts get-iam-policy hptune@my-project.iam.gserviceaccount.com"
    bound = "serviceAccount:my-project.svc.id.goog[kubeflow/hptune-trial]"
    checkout.answers[query] = bound
    result = checkout.make("deploy")
    assert result.returncode == 0, result.stderr
    (warning,) = (line for line in result.stderr.splitlines() if "may not act for" in line)
    assert warning.startswith("warning: pods of kubeflow/hptune-launcher may not act for hptune@my-project.")
    mend = warning.partition("; run: make ")[2].split()
    assert "[kubeflow/hptune-launcher]" in checkout.make(mend[0], RUN="0").stdout


USERS = {"OVERLAY": "multi-user", "CONTEXT": "work", "REGISTRY": "registry.test/x", "NAMESPACE": "me"}
USERS["KFP_ENDPOINT"] = "https://kubeflow.test/pipeline"


def test_the_owner_of_a_profile_needs_no_administrator(checkout):
    """Who sees nothing of Katib's own namespace, and whose profile has the label, as Kubeflow's have."""
    checkout.answers["kubectl get namespace me --output jsonpath"] = "enabled"
    checkout.failing += [
        *("kubectl get crd", "kubectl get deployment", "kubectl label", "hptune katib-register"),
        *("kubectl auth can-i patch namespaces", "kubectl auth can-i update configmaps"),
    ]
    refused = checkout.make("deploy", settings=USERS)
    assert refused.returncode == 2
    assert "to update configmaps/katib-config in kubeflow is missing" in refused.stderr
    assert "give ALGORITHM=bayesianoptimization to go on without" in refused.stderr
    result = checkout.make("deploy", settings=USERS, ALGORITHM="bayesianoptimization")
    assert result.returncode == 0, result.stderr
    assert "warning: the version of Katib cannot be seen" in result.stderr


@pytest.mark.parametrize(
    "right", ["create persistentvolumeclaims", "create secrets", "get secrets/mlpipeline"]
)
def test_rights_to_what_stands_in_for_a_bucket_are_asked_for(checkout, right):
    checkout.failing.append(f"kubectl auth can-i {right}")
    result = checkout.make("deploy", settings=USERS)
    assert result.returncode == 2
    assert f"hptune: permission: to {right}" in result.stderr
    assert checkout.ran() == []


def test_without_credentials_only_these_are_asked_for(checkout):
    checkout.failing += ["gcloud"]
    result = checkout.make("deploy")
    assert result.stderr.startswith("hptune: gcloud: has no valid credentials; run: gcloud auth login\nmake:")


@pytest.mark.parametrize("tool", STAND_INS)
def test_a_tool_that_is_not_installed_is_told(checkout, tool):
    (checkout.bin / tool).unlink()
    result = checkout.make("deploy")
    assert result.returncode == 2
    assert f"hptune: {tool}: is not installed; " in result.stderr
    assert checkout.ran() == []


def test_another_version_of_katib_is_a_warning(checkout):
    checkout.answers["kubectl get deployment katib-controller"] = "registry.test/katib-controller:v0.17.0"
    result = checkout.make("deploy")
    assert result.returncode == 0, result.stderr
    assert "warning: Katib is v0.17.0; hptune is tested with v0.19.0" in result.stderr


def test_uncommitted_changes_are_refused(checkout):
    (checkout.path / "constraints.txt").write_text("changed\n")
    result = checkout.make("deploy")
    assert result.returncode == 2
    assert "hptune: git: commit first: images are tagged with the git revision" in result.stderr
    assert checkout.ran() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROJECT", "x; touch hacked"),
        ("REGION", "Amsterdam"),
        ("CLUSTER", "UPPER"),
        ("REGISTRY", "host/$(touch hacked)".replace("$", "$$")),
        ("REGISTRY", "host/path:tag"),
        ("NAMESPACE", "a b"),
        ("NAMESPACE", "x" * 64),
        ("BUCKET", "gs://bucket"),
        ("KFP_ENDPOINT", "https://user:password@host"),
        ("KFP_ENDPOINT", "host:8080"),
        ("GPUS", "-1"),
        ("ACCELERATOR", "nvidia-tesla-k80"),
        ("OVERLAY", "../../etc"),
        ("DRY_RUN", "yes"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(checkout, name, value):
    result = checkout.make("deploy", **{name: value})
    assert result.returncode == 2
    assert f"hptune: {name}: is " in result.stderr
    assert "must be " in result.stderr
    assert not list(checkout.path.rglob("hacked"))
    assert checkout.ran(questions=True) == []


def test_missing_settings_are_told_together(checkout):
    result = checkout.make("deploy", settings={})
    assert result.returncode == 2
    for name in GKE:
        assert f"hptune: {name}: is missing; " in result.stderr


def test_no_secret_is_on_a_command_line_or_shown(checkout):
    result = checkout.make(
        "deploy", settings={}, OVERLAY="local", CONTEXT="kind-tuning", REGISTRY="registry.test/x"
    )
    assert result.returncode == 0, result.stderr
    everything = result.stdout + result.stderr + "".join(checkout.ran(questions=True))
    assert "kubectl get secret mlpipeline-minio-artifact" in everything
    assert CANARY not in everything


@pytest.mark.parametrize("failing", ["kubectl get secret", "kubectl apply --namespace kubeflow"])
def test_the_half_of_the_copied_key_that_failed_is_told(checkout, failing):
    checkout.failing.append(failing)
    local = {"OVERLAY": "local", "CONTEXT": "kind-tuning", "REGISTRY": "registry.test/x"}
    result = checkout.make("deploy", settings=local)
    assert result.returncode == 2
    assert f"hptune: this failed with exit code 1:\n    {failing}" in result.stderr
    assert "kubectl label" not in result.stdout
    checkout.failing.clear()
    assert checkout.make("deploy", settings=local).returncode == 0


def test_a_cluster_of_this_machine_is_given_the_images(checkout):
    (checkout.bin / "kind").symlink_to(checkout.bin / "docker")
    result = checkout.make("deploy", settings={}, OVERLAY="local", CONTEXT="kind-tuning")
    assert result.returncode == 0, result.stderr
    loads = [command for command in checkout.ran() if " load docker-image " in command]
    tag = checkout.revision
    assert [shlex.split(load)[3] for load in loads] == [f"hptune/hptune:{tag}", f"hptune/trainer:{tag}"]


def test_a_kubeflow_with_users_is_asked_where_they_log_in(checkout):
    users = {"OVERLAY": "multi-user", "CONTEXT": "work", "REGISTRY": "registry.test/x"}
    result = checkout.make("deploy", settings=users)
    assert "hptune: NAMESPACE: is missing; your profile's namespace" in result.stderr
    result = checkout.make("deploy", settings=users, NAMESPACE="me")
    assert "hptune: KFP_ENDPOINT: is missing; " in result.stderr
    endpoint = "https://kubeflow.test/pipeline"
    result = checkout.make("deploy", settings=users, NAMESPACE="me", KFP_ENDPOINT=endpoint)
    assert result.returncode == 0, result.stderr
    assert f" --endpoint {endpoint} " in checkout.ran()[-1]
    assert checkout.ran()[-1].endswith(" --namespace me")


def test_a_cluster_elsewhere_is_not_taken_for_one_of_this_machine(checkout):
    checkout.answers["kubectl config current-context"] = "production"
    for goal in ("addons", "deploy", "undeploy"):
        result = checkout.make(goal, settings={"OVERLAY": "local"})
        assert result.returncode == 2
        assert "hptune: CONTEXT: is missing; the current one, 'production'," in result.stderr
        assert checkout.ran() == []


def test_a_cluster_without_a_training_operator_is_a_warning(checkout):
    checkout.failing.append("kubectl get tfjobs.kubeflow.org")
    result = checkout.make("deploy")
    assert result.returncode == 0, result.stderr
    assert "warning: there is no training operator" in result.stderr
    assert "make addons" in result.stderr
