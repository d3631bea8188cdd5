"""Katib and Argo Workflows, from their own manifests."""

import json
import shutil
from pathlib import Path

from tests.cluster import settings
from tests.cluster.build.parts import ARGO, KATIB, kubectl
from tests.cluster.node.processes import wait_for
from tests.cluster.shell import HarnessError, run, step, succeeds

NAMESPACE = "kubeflow"
_KUBECTL = (kubectl(), "--kubeconfig", settings.KUBECONFIG)
_WAITING_S = 420


def install_katib() -> None:
    """Applies Katib's manifests as they are, and waits until its webhooks answer."""
    with step(f"installing Katib {settings.KATIB}"):
        _apply(_volume("katib-mysql", 10))
        # kustomize leaves its directory alone; a copy is enough to apply from.
        run(*_KUBECTL, "apply", "--server-side", "--kustomize",
            KATIB.directory / "manifests" / "v1beta1" / "installs" / "katib-standalone")  # fmt: skip
        # Its page is not part of what is tested.
        run(*_KUBECTL, "scale", "deployment/katib-ui", "--replicas=0", "--namespace", NAMESPACE)
        for name in ("katib-mysql", "katib-db-manager", "katib-controller"):
            _wait(name, NAMESPACE)


def install_argo() -> None:
    """Applies the controller, its rights and its resources; the server with the pages is left out."""
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


def _apply(*objects: dict[str, object]) -> None:
    content = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    run(*_KUBECTL, "apply", "--filename", "-", given=json.dumps(content))


def _volume(name: str, gigabytes: int) -> dict[str, object]:
    """A volume in a directory of the node, for the first claim that asks; nothing provisions any."""
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
        },
    }


def _wait(deployment: str, namespace: str) -> None:
    def ready() -> bool:
        template = "jsonpath={.status.readyReplicas}"
        return (
            run(*_KUBECTL, "get", "deployment", deployment, "--namespace", namespace, "-o", template) == "1"
        )

    try:
        wait_for(deployment, ready, patience_s=_WAITING_S)
    except HarnessError as error:
        pods = run(*_KUBECTL, "describe", "pods", "--namespace", namespace)
        raise HarnessError(f"{error}\n{pods[-4000:]}") from None
