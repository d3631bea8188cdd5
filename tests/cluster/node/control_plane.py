"""etcd, the API server, the controllers and the scheduler."""

from tests.cluster import settings
from tests.cluster.build.parts import KUBERNETES, kubectl
from tests.cluster.node import pki, processes
from tests.cluster.shell import succeeds

_HEADERS = {"username": "X-Remote-User", "group": "X-Remote-Group", "extra": "X-Remote-Extra-"}
_PEER = f"http://{settings.NODE_IP}:2380"


def start() -> None:
    """Starts them, and waits until the API server answers."""
    _start_etcd()
    _start_api_server()
    processes.wait_for("the API server", api_is_ready, watching="kube-apiserver")
    _start_controllers()


def api_is_ready() -> bool:
    """Whether the API server answers as an administrator's."""
    return succeeds(kubectl(), "--kubeconfig", settings.KUBECONFIG, "get", "--raw", "/readyz")


def _start_etcd() -> None:
    processes.start(
        "etcd",
        "etcd",
        *("--data-dir", settings.STATE / "etcd", "--name", "node"),
        *("--listen-client-urls", settings.ETCD, "--advertise-client-urls", settings.ETCD),
        *("--listen-peer-urls", _PEER, "--initial-advertise-peer-urls", _PEER),
        *("--initial-cluster", f"node={_PEER}"),
        # A test cluster's data may be lost with the machine.
        "--unsafe-no-fsync",
    )


def _start_api_server() -> None:
    processes.start(
        "kube-apiserver",
        KUBERNETES.program("kube-apiserver"),
        f"--etcd-servers={settings.ETCD}",
        f"--service-cluster-ip-range={settings.SERVICE_NETWORK}",
        *(f"--bind-address={settings.NODE_IP}", f"--advertise-address={settings.NODE_IP}"),
        "--secure-port=6443",
        f"--client-ca-file={pki.certificate('ca')}",
        f"--tls-cert-file={pki.certificate('apiserver')}",
        f"--tls-private-key-file={pki.key('apiserver')}",
        f"--service-account-key-file={pki.DIRECTORY / 'tokens.pub'}",
        f"--service-account-signing-key-file={pki.key('tokens')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--kubelet-client-certificate={pki.certificate('admin')}",
        f"--kubelet-client-key={pki.key('admin')}",
        "--kubelet-preferred-address-types=InternalIP",
        *("--authorization-mode=Node,RBAC", "--allow-privileged=true"),
        "--enable-admission-plugins=NodeRestriction",
        f"--requestheader-client-ca-file={pki.certificate('ca')}",
        f"--proxy-client-cert-file={pki.certificate('front')}",
        f"--proxy-client-key-file={pki.key('front')}",
        "--requestheader-allowed-names=front-proxy",
        f"--requestheader-username-headers={_HEADERS['username']}",
        f"--requestheader-group-headers={_HEADERS['group']}",
        f"--requestheader-extra-headers-prefix={_HEADERS['extra']}",
    )


def _start_controllers() -> None:
    processes.start(
        "kube-controller-manager",
        KUBERNETES.program("kube-controller-manager"),
        f"--kubeconfig={pki.configuration('controller')}",
        *("--use-service-account-credentials", f"--service-account-private-key-file={pki.key('tokens')}"),
        f"--root-ca-file={pki.certificate('ca')}",
        f"--cluster-signing-cert-file={pki.certificate('ca')}",
        f"--cluster-signing-key-file={pki.key('ca')}",
        *("--leader-elect=false", f"--cluster-cidr={settings.POD_NETWORK}", "--allocate-node-cidrs=false"),
        f"--bind-address={settings.NODE_IP}",
    )
    processes.start(
        "kube-scheduler",
        KUBERNETES.program("kube-scheduler"),
        *(f"--kubeconfig={pki.configuration('scheduler')}", "--leader-elect=false"),
        f"--bind-address={settings.NODE_IP}",
    )
