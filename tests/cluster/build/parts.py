"""The programs that a cluster is made of."""

import shutil
from pathlib import Path

from tests.cluster import settings
from tests.cluster.build.go import Part

# What a cluster of one node asks of its DNS server; CoreDNS itself has fifty more.
_DNS_PLUGINS = ("bind", "cache", "errors", "kubernetes")


def _version_flags(version: str) -> str:
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    return " ".join(f"-X {name}={value}" for name, value in values.items())


def _few_plugins(source: Path) -> None:
    imports = "".join(f'\t_ "github.com/coredns/coredns/plugin/{name}"\n' for name in _DNS_PLUGINS)
    text = f"package plugin\n\nimport (\n{imports})\n"
    (source / "core" / "plugin" / "zplugin.go").write_text(text)


def _mend_argo(source: Path) -> None:
    """Adds what a module cannot carry: a link, and the pages of a server that is not built."""
    for darwin in source.rglob("signal_darwin.go"):
        shutil.copyfile(darwin, darwin.with_name("signal_linux.go"))
    pages = source / "ui" / "dist" / "app"
    pages.mkdir(parents=True, exist_ok=True)
    (pages / "index.html").touch()


_KUBERNETES_PROGRAMS = (
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("kubelet", "kube-proxy", "kubectl"),
)

KUBERNETES = Part(
    "kubernetes",
    settings.KUBERNETES,
    {name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES_PROGRAMS},
    flags=_version_flags(settings.KUBERNETES),
)
COREDNS = Part(
    "coredns",
    settings.COREDNS,
    {"coredns": "."},
    module="github.com/coredns/coredns",
    prepare=_few_plugins,
)
KATIB = Part(
    "katib",
    settings.KATIB,
    {
        "katib-controller": "./cmd/katib-controller/v1beta1",
        "katib-db-manager": "./cmd/db-manager/v1beta1",
        "file-metricscollector": "./cmd/metricscollector/v1beta1/file-metricscollector",
    },
    module="github.com/kubeflow/katib",
    kept=("manifests", "cmd/suggestion", "cmd/earlystopping", "pkg"),
)
ARGO = Part(
    "argo",
    settings.ARGO,
    {"workflow-controller": "./cmd/workflow-controller", "argoexec": "./cmd/argoexec"},
    module="github.com/argoproj/argo-workflows/v4",
    # It names the image of argoexec.
    flags=f"-X github.com/argoproj/argo-workflows/v4.version={settings.ARGO}",
    prepare=_mend_argo,
    kept=("manifests",),
)
TRAINING_OPERATOR = Part(
    "training-operator",
    settings.TRAINING_OPERATOR,
    {"training-operator": "./cmd/training-operator.v1"},
    module="github.com/kubeflow/training-operator",
    kept=("manifests",),
)
PAUSE = Part("pause", settings.PAUSE, {"pause": "."})


def kubectl() -> Path:
    """The cluster's own kubectl."""
    return KUBERNETES.program("kubectl")
