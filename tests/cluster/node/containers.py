"""What builds images, keeps them and runs them: a Docker engine of its own, a registry and containerd."""

import json
import urllib.request
from pathlib import Path

from tests.cluster import settings
from tests.cluster.node import processes
from tests.cluster.shell import run, succeeds

# Debian's, which builds with BuildKit by itself; another one before it in PATH may want buildx.
DOCKER = "/usr/bin/docker"
DOCKER_ENVIRONMENT = {"DOCKER_HOST": f"unix://{settings.DOCKER_SOCKET}", "DOCKER_BUILDKIT": "1"}
_NAMESPACE = ("--address", settings.CONTAINERD_SOCKET, "--namespace", "k8s.io")
_CNI = {
    "cniVersion": "0.4.0",
    "name": "hptune",
    "plugins": [
        {
            "type": "bridge",
            "bridge": settings.POD_BRIDGE,
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": str(settings.STATE / "addresses"),
                "ranges": [[{"subnet": settings.POD_NETWORK}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


def start_docker() -> None:
    """Starts the engine, which leaves packet filter and bridges alone; builds use the machine's network."""
    processes.start(
        "dockerd",
        "dockerd",
        *("--host", f"unix://{settings.DOCKER_SOCKET}", "--data-root", settings.DOCKER_DATA),
        *("--exec-root", settings.RUN / "docker", "--pidfile", settings.RUN / "docker.pid"),
        *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none"),
        f"--cgroup-parent=/{settings.CGROUP}",
        # A machine's own engine may be configured there.
        *("--config-file", _empty_configuration()),
    )
    processes.wait_for("the Docker engine", _docker_answers, watching="dockerd")


def start_registry() -> None:
    """Starts the registry."""
    path = _etc("registry.yml")
    content = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(settings.REGISTRY_DATA)},
            "delete": {"enabled": True},
        },
        "http": {"addr": settings.REGISTRY},
    }
    path.write_text(json.dumps(content))
    processes.start("registry", "docker-registry", "serve", path)
    processes.wait_for("the registry", registry_answers, watching="registry")


def registry_answers() -> bool:
    """Whether the registry answers."""
    try:
        with urllib.request.urlopen(f"http://{settings.REGISTRY}/v2/", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def has_image(name: str, tag: str, registry: str = settings.REGISTRY) -> bool:
    """Whether a registry, with the path of a repository behind it, has an image."""
    host, _, path = registry.partition("/")
    request = urllib.request.Request(
        f"http://{host}/v2/{path}{'/' if path else ''}{name}/manifests/{tag}",
        method="HEAD",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False


def start_containerd() -> None:
    """Starts containerd, which asks our registry for every image, whatever registry its name begins with."""
    mirrors = settings.STATE / "etc" / "registries"
    for name in ("_default", "docker.io", "ghcr.io", "quay.io", "registry.k8s.io"):
        _etc(f"registries/{name}/hosts.toml").write_text(
            f'server = "http://{settings.REGISTRY}"\n[host."http://{settings.REGISTRY}"]\n'
            '  capabilities = ["pull", "resolve"]\n'
        )
    _etc("cni/10-hptune.conflist").write_text(json.dumps(_CNI))
    path = _etc("containerd.toml")
    path.write_text(_containerd_configuration(mirrors))
    processes.start("containerd", "containerd", "--config", path)
    processes.wait_for("containerd", lambda: succeeds("ctr", *_NAMESPACE, "version"), watching="containerd")


def remove_containers() -> None:
    """Removes all containers from containerd; their processes have ended."""
    for container in run("ctr", *_NAMESPACE, "containers", "list", "--quiet").split():
        # One without a task has none to remove.
        succeeds("ctr", *_NAMESPACE, "tasks", "delete", "--force", container)
        run("ctr", *_NAMESPACE, "containers", "delete", container)


def docker(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Runs the client of the cluster's own engine."""
    return run(DOCKER, *arguments, cwd=cwd, env=DOCKER_ENVIRONMENT)


def _docker_answers() -> bool:
    return succeeds(DOCKER, "version", env=DOCKER_ENVIRONMENT)


def _etc(name: str) -> Path:
    path = settings.STATE / "etc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _empty_configuration() -> Path:
    path = _etc("docker.json")
    path.write_text("{}\n")
    return path


def _containerd_configuration(mirrors: Path) -> str:
    # Without CAP_SYS_RESOURCE no oom_score_adj may be lower than ours; cgroup v1 may lack hugetlb.
    return f"""\
version = 2
root = "{settings.CONTAINERD_DATA}"
state = "{settings.RUN / "containerd"}"
[grpc]
  address = "{settings.CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{settings.REGISTRY}/pause:{settings.PAUSE}"
  disable_hugetlb_controller = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{settings.STATE / "etc" / "cni"}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{mirrors}"
"""
