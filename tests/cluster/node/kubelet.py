"""The node itself: kubelet, the services' addresses and names."""

import json

from tests.cluster import settings
from tests.cluster.build.parts import COREDNS, KUBERNETES, kubectl
from tests.cluster.node import pki, processes
from tests.cluster.shell import run, succeeds

_KUBECTL = (kubectl(), "--kubeconfig", settings.KUBECONFIG)
_READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'


def start() -> None:
    """Starts them, and waits until the node takes pods."""
    _start_dns()
    _start_proxy()
    processes.wait_for("the node", _is_ready, log_of="kubelet")


def _is_ready() -> bool:
    # It ends where containerd is still reading what it has kept, and is started again, as by systemd.
    _start_kubelet()
    found = (*_KUBECTL, "get", "node", settings.NODE, "--ignore-not-found", "--output", _READY)
    return run(*found) == "True"


def _start_kubelet() -> None:
    etc = settings.STATE / "etc"
    (etc / "resolv.conf").write_text(f"nameserver {settings.DNS_IP}\n")
    (etc / "kubelet.json").write_text(json.dumps(_configuration()))
    processes.start(
        "kubelet",
        KUBERNETES.program("kubelet"),
        f"--config={etc / 'kubelet.json'}",
        f"--kubeconfig={pki.configuration('node')}",
        f"--root-dir={settings.STATE / 'kubelet'}",
        *(f"--hostname-override={settings.NODE}", f"--node-ip={settings.NODE_IP}"),
    )


def _configuration() -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": settings.NODE_IP,
        "healthzBindAddress": settings.NODE_IP,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [settings.DNS_IP],
        "clusterDomain": "cluster.local",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{settings.CONTAINERD_SOCKET}",
        "tlsCertFile": str(pki.certificate("node")),
        "tlsPrivateKeyFile": str(pki.key("node")),
        "resolvConf": str(settings.STATE / "etc" / "resolv.conf"),
        "podLogsDir": str(settings.STATE / "pods"),
        "volumePluginDir": str(settings.STATE / "volume-plugins"),
        "maxPods": 200,
        # Two processors start a dozen pods at once in the tests.
        "serializeImagePulls": True,
        "evictionHard": {
            "nodefs.available": "1Gi",
            "imagefs.available": "1Gi",
            "memory.available": "200Mi",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def _start_proxy() -> None:
    if not succeeds(*_KUBECTL, "get", "clusterrolebinding", "hptune-proxy"):
        run(*_KUBECTL, "create", "clusterrolebinding", "hptune-proxy", "--clusterrole=system:node-proxier",
            "--user=system:kube-proxy")  # fmt: skip
    processes.start(
        "kube-proxy",
        KUBERNETES.program("kube-proxy"),
        f"--kubeconfig={pki.configuration('proxy')}",
        *("--proxy-mode=iptables", f"--hostname-override={settings.NODE}"),
        f"--cluster-cidr={settings.POD_NETWORK}",
        # The machine's own limits stay.
        *("--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s"),
        "--conntrack-tcp-timeout-close-wait=0s",
        f"--healthz-bind-address={settings.NODE_IP}",
        f"--metrics-bind-address={settings.NODE_IP}",
    )


def _start_dns() -> None:
    path = settings.STATE / "etc" / "Corefile"
    path.write_text(
        f".:53 {{\n  bind {settings.DNS_IP}\n  errors\n  cache 5\n"
        "  kubernetes cluster.local in-addr.arpa {\n"
        f"    kubeconfig {settings.KUBECONFIG}\n    pods insecure\n  }}\n}}\n"
    )
    processes.start("coredns", COREDNS.program("coredns"), "-conf", path)
