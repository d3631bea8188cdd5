"""The cluster's bridge and addresses; and what it changes of the machine's network, taken back at its end."""

import ipaddress
import json
import shutil
from pathlib import Path

from tests.cluster import settings
from tests.cluster.shell import HarnessError, run, succeeds

# What kubelet, kube-proxy and this harness write.
_SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.route_localnet",
    "net.ipv4.conf.all.arp_ignore",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.ipv6.conf.all.forwarding",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)
_SAVED = settings.STATE / "sysctl.json"
# Chains that kube-proxy, kubelet and the CNI plugins make.
_FOREIGN_CHAINS = ("KUBE-", "CNI-")
_TABLES = (("iptables-save", "iptables-restore"), ("ip6tables-save", "ip6tables-restore"))
_ADDRESSES = (settings.NODE_IP, settings.DNS_IP)


def refuse_conflicts() -> None:
    """Asks whether the machine has what the cluster would change.

    Raises:
        HarnessError: Another Kubernetes runs here, or a route leads to one of the cluster's networks.
    """
    if any(chain in _rules(save) for save, _ in _TABLES for chain in _FOREIGN_CHAINS):
        raise HarnessError("iptables has chains of another Kubernetes; name its KUBECONFIG to use that one")
    ours = [ipaddress.ip_network(each) for each in (settings.POD_NETWORK, settings.SERVICE_NETWORK)]
    ours += [ipaddress.ip_network(each) for each in _ADDRESSES]
    for route in json.loads(run("ip", "-json", "route", "show", "table", "main")):
        if route["dst"] != "default" and route.get("dev") not in (settings.BRIDGE, settings.POD_BRIDGE):
            taken = ipaddress.ip_network(route["dst"])
            if any(taken.overlaps(each) for each in ours):
                raise HarnessError(f"the cluster's addresses overlap this machine's route to {taken}")


def raise_bridge() -> None:
    """Makes the bridge whose addresses are the node's and the DNS server's."""
    if not _SAVED.exists():
        _save_sysctls()
    if not succeeds("ip", "link", "show", settings.BRIDGE):
        run("ip", "link", "add", settings.BRIDGE, "type", "bridge")
    for address in _ADDRESSES:
        run("ip", "address", "replace", f"{address}/32", "dev", settings.BRIDGE)
    run("ip", "link", "set", settings.BRIDGE, "up")
    _sysctl_file("net.ipv4.ip_forward").write_text("1")
    bridged = _sysctl_file("net.bridge.bridge-nf-call-iptables")
    if bridged.exists():
        bridged.write_text("1")
    if not run("ip", "route", "show", "default"):
        # kubelet and the programs that look for their own address want one. It goes with the bridge.
        run("ip", "route", "add", "default", "via", settings.NODE_IP, "dev", settings.BRIDGE, "onlink")


def take_back() -> None:
    """Removes the bridges, the rules of the packet filter and the changes of the kernel's settings."""
    for bridge in (settings.POD_BRIDGE, settings.BRIDGE):
        if succeeds("ip", "link", "show", bridge):
            run("ip", "link", "delete", bridge)
    for save, restore in _TABLES:
        _remove_rules(save, restore)
    if _SAVED.exists():
        for name, value in json.loads(_SAVED.read_text()).items():
            _sysctl_file(name).write_text(value)
        _SAVED.unlink()


def _save_sysctls() -> None:
    values = {}
    for name in _SYSCTLS:
        path = _sysctl_file(name)
        if path.exists():
            values[name] = path.read_text().strip()
    _SAVED.parent.mkdir(parents=True, exist_ok=True)
    _SAVED.write_text(json.dumps(values, indent=1))


def _sysctl_file(name: str) -> Path:
    return Path("/proc/sys", *name.split("."))


def _rules(save: str) -> str:
    return run(save) if shutil.which(save) else ""


def _remove_rules(save: str, restore: str) -> None:
    """Removes all chains of Kubernetes and what jumps there, in one step; nothing else changes."""
    rules = _rules(save)
    if any(chain in rules for chain in _FOREIGN_CHAINS):
        others = [line for line in rules.splitlines() if not any(chain in line for chain in _FOREIGN_CHAINS)]
        run(restore, given="\n".join([*others, ""]))
