"""Versions that the cluster is made of, its addresses, and where it keeps what it built and what runs."""

import hashlib
import os
from pathlib import Path

KUBERNETES = "v1.34.2"
KATIB = "v0.19.0"
ARGO = "v4.0.7"
TRAINING_OPERATOR = "v1.9.3"
TRAINING_OPERATOR_TAG = "v1-d6eb98e"  # its manifests' name for the image of that version
COREDNS = "v1.12.4"
PAUSE = "3.10"
MYSQL = "8.0.29"  # the name that Katib's manifests ask for; what answers is Debian's MariaDB

NODE = "hptune-node"
BRIDGE = "hptune0"
POD_BRIDGE = "hptune1"
NODE_IP = "10.255.0.1"
DNS_IP = "10.255.0.53"
POD_NETWORK = "10.244.0.0/24"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
API = f"https://{NODE_IP}:6443"
ETCD = f"http://{NODE_IP}:2379"
REGISTRY_PORT = int(os.environ.get("HPTUNE_CLUSTER_REGISTRY_PORT", "5010"))
REGISTRY = f"127.0.0.1:{REGISTRY_PORT}"
S3_PORT = 9000
S3 = f"http://{NODE_IP}:{S3_PORT}"

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hptune" / "test-cluster"


def images_key() -> str:
    """Changes with what the images under Katib's and Argo's names are made of, since their tags do not."""
    texts = [path.read_bytes() for path in sorted((Path(__file__).parent / "images").iterdir())]
    versions = f"{KATIB} {ARGO} {PAUSE} {MYSQL}".encode()
    return hashlib.sha256(b"\0".join([versions, *texts])).hexdigest()[:12]


# What is built, by name and version; never changed once it is there.
BUILT = CACHE / "built"
WORK = CACHE / "work"
# Layers of images: kept from one cluster to the next, so that it starts in seconds.
DOCKER_DATA = CACHE / "docker"
REGISTRY_DATA = CACHE / f"images-{images_key()}" / "registry"
CONTAINERD_DATA = CACHE / f"images-{images_key()}" / "containerd"
# What lives as long as the cluster. Sockets have a limit of 108 characters for their path.
STATE = CACHE / "state"
RUN = Path("/run/hptune-test-cluster")
CONTAINERD_SOCKET = RUN / "containerd.sock"
DOCKER_SOCKET = RUN / "docker.sock"
CGROUP = "hptune-test-cluster"
KUBECONFIG = STATE / "etc" / "admin.conf"
