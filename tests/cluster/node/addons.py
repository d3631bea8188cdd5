"""Katib, the training operator and Argo Workflows, from their own manifests."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import settings
from tests.cluster.build.parts import ARGO, KATIB, TRAINING_OPERATOR, kubectl
from tests.cluster.node.processes import wait_for
from tests.cluster.shell import HarnessError, run, step, succeeds

NAMESPACE = "kubeflow"
_KUBECTL = (kubectl(), "--kubeconfig", settings.KUBECONFIG)
_WAITING_S = 420
_KATIB = ("katib-mysql", "katib-db-manager", "katib-controller")


def install_katib() -> None:
    """Applies Katib's manifests as they are, and waits until its webhooks answer.

    The webhooks come last: once they are there and the controller is not, no pod can be made in Katib's
    namespace, the controller's own included.
    """
    if _is_ready(_KATIB[-1], NAMESPACE):
        return
    with step(f"installing Katib {settings.KATIB}"):
        _apply([_volume("katib-mysql", 10)])
        folder = KATIB.directory / "manifests" / "v1beta1" / "installs" / "katib-standalone"
        objects = list(yaml.safe_load_all(run(kubectl(), "kustomize", folder)))
        webhooks = [each for each in objects if each["kind"].endswith("WebhookConfiguration")]
        _apply([each for each in objects if each not in webhooks])
        # Its page is not part of what is tested.
        run(*_KUBECTL, "scale", "deployment/katib-ui", "--replicas=0", "--namespace", NAMESPACE)
        for name in _KATIB:
            wait_for(f"a pod of {name}", partial(_has_pod, name), patience_s=60)
        _apply(webhooks)
        for name in _KATIB:
            _wait(name, NAMESPACE)


def _has_pod(deployment: str) -> bool:
    component = deployment.removeprefix("katib-")
    selector = f"katib.kubeflow.org/component={component}"
    return bool(run(*_KUBECTL, "get", "pods", "-n", NAMESPACE, "--selector", selector, "-o", "name"))


def install_training_operator() -> None:
    """Applies the operator's manifests as they are, and waits until its webhook answers."""
    if _is_ready("training-operator", NAMESPACE):
        return
    with step(f"installing the training operator {settings.TRAINING_OPERATOR}"):
        folder = TRAINING_OPERATOR.directory / "manifests" / "overlays" / "standalone"
        # Its resources are too long for an annotation that holds them once more.
        run(*_KUBECTL, "apply", "--server-side", "--force-conflicts", "--kustomize", folder)
        _wait("training-operator", NAMESPACE)
        if _is_ready(_KATIB[-1], NAMESPACE):
            # It was there first, and does not know of TFJobs.
            run(*_KUBECTL, "rollout", "restart", f"deployment/{_KATIB[-1]}", "--namespace", NAMESPACE)


def install_argo() -> None:
    """Applies the controller, its rights and its resources; the server with the pages is left out."""
    if _is_ready("workflow-controller", "argo"):
        return
    with step(f"installing Argo Workflows {settings.ARGO}"):
        folder = settings.STATE / "argo"
        if not folder.exists():
            shutil.copytree(ARGO.directory / "manifests", folder / "manifests")
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "argo",
            "resources": [
                "manifests/base/crds/full",
                "manifests/base/workflow-controller",
                "manifests/cluster-install-no-crds/workflow-controller-rbac",
            ],
            "images": [
                {"name": "quay.io/argoproj/workflow-controller", "newTag": settings.ARGO},
                {"name": "quay.io/argoproj/argoexec", "newTag": settings.ARGO},
            ],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
        if not succeeds(*_KUBECTL, "get", "namespace", "argo"):
            run(*_KUBECTL, "create", "namespace", "argo")
        run(*_KUBECTL, "apply", "--server-side", "--force-conflicts", "--kustomize", folder)
        _wait("workflow-controller", "argo")


def _apply(objects: list[dict[str, Any]]) -> None:
    content = {"apiVersion": "v1", "kind": "List", "items": objects}
    run(*_KUBECTL, "apply", "--server-side", "--filename", "-", given=json.dumps(content))


def _volume(name: str, gigabytes: int) -> dict[str, Any]:
    """A volume in a directory of the node, for the claim of the same name; nothing provisions any."""
    path = settings.STATE / "volumes" / name
    path.mkdir(parents=True, exist_ok=True)
    Path.chmod(path, 0o1777)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": f"{gigabytes}Gi"},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "hostPath": {"path": str(path)},
            "claimRef": {"namespace": NAMESPACE, "name": name},
        },
    }


def _is_ready(deployment: str, namespace: str) -> bool:
    query = ("deployment", deployment, "--namespace", namespace, "--ignore-not-found")
    return run(*_KUBECTL, "get", *query, "--output", "jsonpath={.status.readyReplicas}") == "1"


def _wait(deployment: str, namespace: str) -> None:
    try:
        wait_for(deployment, partial(_is_ready, deployment, namespace), patience_s=_WAITING_S)
    except HarnessError as error:
        pods = run(*_KUBECTL, "describe", "pods", "--namespace", namespace)
        raise HarnessError(f"{error}\n{pods[-4000:]}") from None
