"""What kustomize makes of manifests/: valid in several versions of Kubernetes, with few rights."""

import base64
import os
import re
import subprocess

import kubernetes_validate
import pytest
import yaml
from checkouts import ROOT, kubectl, rendered

from hptune.backends.katib.suggestion.registration import SuggestionImage

OVERLAYS = ("gke", "local", "multi-user")
# GKE's regular and extended channels, and the newest that there are schemas of.
KUBERNETES = ("1.32", "1.34", "1.37")
NAMESPACED = {"ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "PersistentVolumeClaim"}


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request):
    return rendered(ROOT / "manifests" / "overlays" / request.param)


def of_kind(objects, kind):
    return [each for each in objects if each["kind"] == kind]


@pytest.mark.parametrize("version", KUBERNETES)
def test_is_valid(objects, version):
    for each in objects:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", KUBERNETES)
def test_a_misspelled_field_would_not_be_valid(objects, version):
    wrong = {**of_kind(objects, "NetworkPolicy")[0], "spec": {"podSelectors": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_nothing_is_cluster_wide(objects):
    assert {each["kind"] for each in objects} <= NAMESPACED
    assert len({each["metadata"]["namespace"] for each in objects}) == 1


def test_everything_is_marked_as_ours(objects):
    assert {each["metadata"]["labels"]["app.kubernetes.io/part-of"] for each in objects} == {"hptune"}


def test_no_rule_has_a_wildcard(objects):
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_secrets_are_given_by_name_only(objects):
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            if {"secrets", "configmaps"} & set(rule["resources"]):
                assert rule["resourceNames"]
                assert rule["verbs"] == ["get"]


def test_roles_are_bound_to_accounts_of_the_namespace(objects):
    namespace = objects[0]["metadata"]["namespace"]
    roles = {role["metadata"]["name"] for role in of_kind(objects, "Role")}
    bound = of_kind(objects, "RoleBinding")
    assert {binding["roleRef"]["name"] for binding in bound} == roles
    for binding in bound:
        assert [(each["kind"], each["namespace"]) for each in binding["subjects"]] == [
            ("ServiceAccount", namespace)
        ]


def test_trials_have_no_right_and_no_token(objects):
    accounts = {each["metadata"]["name"]: each for each in of_kind(objects, "ServiceAccount")}
    assert accounts["hptune-trial"]["automountServiceAccountToken"] is False
    subjects = [subject["name"] for each in of_kind(objects, "RoleBinding") for subject in each["subjects"]]
    assert "hptune-trial" not in subjects


def test_only_katibs_controller_reaches_the_suggestions(objects):
    (policy,) = of_kind(objects, "NetworkPolicy")
    (suggestions, early_stopping) = policy["spec"]["ingress"]
    assert suggestions == {
        "from": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kubeflow"}},
                "podSelector": {"matchLabels": {"katib.kubeflow.org/component": "controller"}},
            }
        ],
        "ports": [{"port": 6789, "protocol": "TCP"}],
    }
    assert early_stopping["ports"] == [{"port": 6788, "protocol": "TCP"}]


@pytest.fixture(scope="module")
def experiment():
    """The example's Experiment, which `make manifests` writes."""
    return yaml.safe_load((ROOT / "manifests" / "experiment.yaml").read_text())


@pytest.fixture(scope="module")
def trial(experiment):
    return experiment["spec"]["trialTemplate"]["trialSpec"]


@pytest.fixture(scope="module")
def pod(trial):
    return trial["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_trials_job_is_valid(trial, version):
    kubernetes_validate.validate({**trial, "metadata": {"name": "trial"}}, version, strict=True)


def test_the_policy_covers_the_suggestion_of_the_experiment(experiment):
    (policy,) = of_kind(rendered(ROOT / "manifests/overlays/gke"), "NetworkPolicy")
    wanted = policy["spec"]["podSelector"]["matchLabels"]
    assert wanted.items() <= experiment["metadata"]["labels"].items()


@pytest.fixture(scope="module")
def containers(pod):
    """What we have Kubernetes run beside KFP's steps: the trials' containers and the suggestion service."""
    suggestion = SuggestionImage("registry.test/hptune:0123456789ab").entry
    return [*pod["containers"], *pod.get("initContainers", []), suggestion]


def test_containers_are_confined(containers):
    for container in containers:
        context = container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_containers_ask_for_what_they_need(containers):
    for container in containers:
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])


def test_images_have_a_tag_that_stays(containers):
    for container in containers:
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        assert tag
        assert tag != "latest"


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_object_stores_key_is_copied_under_the_names_that_hptune_reads(version):
    # As KFP has it; kubectl makes no use of a cluster here.
    literals = ["--from-literal=accesskey=minio", "--from-literal=secretkey=minio123"]
    template = ROOT / "manifests" / "components" / "object-store.gotmpl"
    command = [kubectl(), "create", "secret", "generic", "mlpipeline-minio-artifact", *literals]
    command += ["--dry-run=client", f"--output=go-template-file={template}"]
    secret = yaml.safe_load(subprocess.check_output(command, env={**os.environ, "KUBECONFIG": os.devnull}))
    kubernetes_validate.validate(secret, version, strict=True)
    assert secret["stringData"] == {"MINIO_ENDPOINT": "http://seaweedfs.kubeflow:9000"}
    decoded = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    assert decoded == {"MINIO_ACCESS_KEY": "minio", "MINIO_SECRET_KEY": "minio123"}


@pytest.mark.parametrize(
    ("conditions", "running"),
    [
        ({"Created": "True", "Running": "True"}, ["tuning"]),
        ({"Created": "True"}, ["tuning"]),
        ({"Created": "True", "Running": "False", "Succeeded": "True"}, []),
        ({"Created": "True", "Running": "False", "Failed": "True"}, []),
    ],
)
def test_running_jobs_are_told_from_those_that_have_ended(tmp_path, conditions, running):
    """With the script's own query and filter, on an Experiment in a file."""
    script = (ROOT / "manifests" / "scripts" / "undeploy.sh").read_text()
    (query,) = re.findall(r"'jsonpath=\{range \.items\[\*\]\}(.*)\{end\}'", script)
    (program,) = re.findall(r"awk '(.*)' <<<", script)
    listed = [{"type": kind, "status": status} for kind, status in conditions.items()]
    experiment = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": "tuning"}}
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump({**experiment, "status": {"conditions": listed}}))
    command = [kubectl(), "annotate", "--local", f"--filename={file}", "a=b", f"--output=jsonpath={query}"]
    told = subprocess.check_output(command, text=True)
    assert subprocess.check_output(["awk", program], input=told, text=True).split() == running
