"""`DRY_RUN=1`: the whole plan, where there is neither a cluster nor an account."""

import pytest
import yaml
from checkouts import GKE, STAND_INS, STATE

PLAN = [
    "==> checking what this needs",
    "? gcloud auth print-access-token",
    "? gcloud container clusters describe tuning --location europe-west4-a --project my-project",
    "==> getting credentials for tuning",
    "+ gcloud container clusters get-credentials tuning --location europe-west4-a --project my-project",
    "? kubectl get experiments.kubeflow.org,suggestions.kubeflow.org,trials.kubeflow.org ",
    "? kubectl auth can-i update configmaps/katib-config --namespace kubeflow",
    "+ make --silent --no-print-directory .venv/installed",
    "==> building the images of revision ",
    "+ gcloud auth configure-docker europe-west4-docker.pkg.dev --quiet",
    "+ make --no-print-directory REGISTRY=europe-west4-docker.pkg.dev/my-project/hptune ",
    "DOCKER_BUILDKIT=1 docker build --file images/Dockerfile ",
    "docker push 'europe-west4-docker.pkg.dev/my-project/hptune/hptune:",
    "==> applying manifests/overlays/gke to the namespace kubeflow",
    f"+ kubectl kustomize {STATE} > {STATE}/manifests.yaml",
    "kind: ServiceAccount",
    "kind: NetworkPolicy",
    f"+ kubectl apply --filename {STATE}/manifests.yaml",
    "+ kubectl label namespace kubeflow katib.kubeflow.org/metrics-collector-injection=enabled --overwrite",
    "+ hptune katib-register --image europe-west4-docker.pkg.dev/my-project/hptune/hptune:",
    "+ kubectl port-forward --namespace kubeflow --address 127.0.0.1 service/ml-pipeline-ui :80 &",
    "+ env HPTUNE_IMAGE=europe-west4-docker.pkg.dev/my-project/hptune/hptune:",
    "    run     make submit",
]


def assert_in_order(text, starts):
    lines = iter(text.replace(".venv/bin/hptune", "hptune").splitlines())
    for start in starts:
        assert any(line.startswith(start) for line in lines), f"{start!r} is missing or too early in\n{text}"


def test_prints_the_plan_in_order_and_does_nothing(checkout):
    result = checkout.make("deploy", DRY_RUN="1")
    assert result.returncode == 0, result.stderr
    assert_in_order(result.stdout, PLAN)
    assert {command.split(" /")[0] for command in checkout.ran(questions=True)} == {
        f"kubectl kustomize {STATE}"
    }


def test_needs_nothing_but_kubectl(checkout):
    for tool in set(STAND_INS) - {"kubectl"}:
        (checkout.bin / tool).unlink()
    assert checkout.make("deploy", DRY_RUN="1").returncode == 0


def test_without_kubectl_only_the_rendered_manifests_are_left_out(checkout):
    for tool in STAND_INS:
        (checkout.bin / tool).unlink()
    result = checkout.make("deploy", DRY_RUN="1")
    assert result.returncode == 0, result.stderr
    assert_in_order(result.stdout, [line for line in PLAN if not line.startswith("kind: ")])
    assert "warning: kubectl is not installed" in result.stderr


def test_leaves_no_settings_for_later(checkout):
    checkout.make("deploy", DRY_RUN="1")
    result = checkout.make("deploy", settings={})
    assert result.returncode == 2
    assert "PROJECT: is missing" in result.stderr


@pytest.mark.parametrize(("overlay", "imagined"), [("gke", 3), ("local", 0), ("multi-user", 3)])
def test_with_nothing_named_the_plan_says_whose_it_is(checkout, overlay, imagined):
    result = checkout.make("deploy", settings={}, OVERLAY=overlay, DRY_RUN="1")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count(" is missing; this is the plan for ") == imagined
    assert f"==> applying manifests/overlays/{overlay} " in result.stdout
    assert "kind: NetworkPolicy" in result.stdout
    assert "run     make submit" in result.stdout


def test_says_that_uncommitted_changes_would_be_refused(checkout):
    (checkout.path / "constraints.txt").write_text("kfp==2.17.0\n")
    result = checkout.make("deploy", DRY_RUN="1")
    assert result.returncode == 0, result.stderr
    assert "warning: commit first" in result.stderr


@pytest.mark.parametrize(
    ("overlay", "more"),
    [
        ("gke", GKE),
        ("local", {"CONTEXT": "kind-tuning"}),
        (
            "multi-user",
            {"NAMESPACE": "me", "REGISTRY": "registry.test/x", "KFP_ENDPOINT": "https://kubeflow.test"},
        ),
    ],
)
def test_renders_every_overlay(checkout, overlay, more):
    result = checkout.make("deploy", settings=more, OVERLAY=overlay, DRY_RUN="1")
    assert result.returncode == 0, result.stderr
    objects = list(yaml.safe_load_all(next(checkout.path.glob("build/deploy/*/manifests.yaml")).read_text()))
    assert {each["metadata"]["namespace"] for each in objects} == {more.get("NAMESPACE", "kubeflow")}
    assert "PROJECT_ID" not in result.stdout


@pytest.mark.parametrize("goal", ["cluster", "addons", "undeploy", "submit", "ui"])
def test_other_goals_do_nothing_either(checkout, goal):
    result = checkout.make(goal, DRY_RUN="1")
    assert result.returncode == 0, result.stderr
    assert "\n+ " in f"\n{result.stdout}"
    assert checkout.ran(questions=True) == []


def test_a_flag_that_is_neither_yes_nor_no_is_told_with_the_other_faults(checkout):
    result = checkout.make("deploy", DRY_RUN="maybe", GPUS="99")
    assert result.returncode == 2
    assert "hptune: DRY_RUN: is 'maybe'; must be 1, or 0 for no" in result.stderr
    assert "hptune: GPUS: is '99'" in result.stderr


def test_a_flag_of_0_is_none(checkout):
    result = checkout.make("deploy", settings={}, DRY_RUN="0")
    assert result.returncode == 2
    assert "PROJECT: is missing; the Google Cloud project" in result.stderr
