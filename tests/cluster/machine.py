"""Whether this machine can be a node, and the Debian packages that make it one."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import settings
from tests.cluster.shell import MissingError, run, step, succeeds

# By a program or file, the Debian package that has it. What a machine has of its own is not replaced.
_PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "dockerd": "docker.io",
    "/usr/bin/docker": "docker.io",
    "docker-registry": "docker-registry",
    "etcd": "etcd-server",
    "debootstrap": "debootstrap",
    "iptables-save": "iptables",
    "conntrack": "conntrack",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "ip": "iproute2",
    "openssl": "openssl",
    "mount": "mount",
    "git": "git",
    "make": "make",
}
_SERVICES_POLICY = Path("/usr/sbin/policy-rc.d")
_CGROUPS = Path("/sys/fs/cgroup")
_TRIED = "hptune-tried"


def check() -> None:
    """Asks for what cannot be installed.

    Raises:
        MissingError: Something is missing; the message names it.
    """
    missing = []
    if sys.platform != "linux":
        missing.append("Linux")
    elif os.geteuid() != 0:
        missing.append("root, as a node runs containers")
    if not shutil.which("go"):
        missing.append("Go 1.25 or newer, as go in PATH")
    if _missing_packages() and not shutil.which("apt-get"):
        missing.append(f"apt-get, or: {', '.join(_missing_packages())}")
    if missing:
        raise MissingError(
            f"a cluster of one node needs {'; '.join(missing)}. KUBECONFIG may name another cluster"
        )


def install() -> None:
    """Installs the Debian packages that are missing; their services are not started, and none is removed."""
    packages = _missing_packages()
    if packages:
        with step(f"apt-get install {' '.join(packages)}"):
            run("apt-get", "update", "--quiet")
            with _no_services():
                run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "--no-remove",
                    *packages, env={"DEBIAN_FRONTEND": "noninteractive"})  # fmt: skip


def try_kernel() -> None:
    """Tries what a node does: containers of other kinds often may not, root or not.

    Raises:
        MissingError: The kernel refuses something; the message names it.
    """
    refused = []
    if not _can_make_cgroups():
        refused.append(f"to make a cgroup below {_CGROUPS}")
    if not _can_mount_overlays():
        refused.append("to mount an overlay")
    if not _can_make_bridges():
        refused.append("to make a bridge")
    if not succeeds("iptables-save", "--table", "nat"):
        refused.append("iptables with the table nat")
    if refused:
        raise MissingError(f"a cluster of one node needs what this kernel refuses: {'; '.join(refused)}")


def _can_make_cgroups() -> bool:
    of_version_1 = _CGROUPS / "memory"
    tried = (of_version_1 if of_version_1.is_dir() else _CGROUPS) / _TRIED
    try:
        tried.mkdir()
        tried.rmdir()
    except OSError:
        return False
    return True


def _can_mount_overlays() -> bool:
    settings.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.CACHE) as name:
        for each in ("lower", "upper", "work", "merged"):
            Path(name, each).mkdir()
        layers = f"lowerdir={name}/lower,upperdir={name}/upper,workdir={name}/work"
        merged = f"{name}/merged"
        return succeeds("mount", "-t", "overlay", "overlay", "-o", layers, merged) and succeeds(
            "umount", merged
        )


def _can_make_bridges() -> bool:
    made = succeeds("ip", "link", "add", _TRIED, "type", "bridge")
    return made and succeeds("ip", "link", "delete", _TRIED)


def _missing_packages() -> list[str]:
    return sorted({package for name, package in _PACKAGES.items() if not shutil.which(name)})


@contextmanager
def _no_services() -> Iterator[None]:
    """Keeps the packages' services from starting, unless the machine does so itself."""
    if _SERVICES_POLICY.exists():
        yield
        return
    _SERVICES_POLICY.write_text("#!/bin/sh\nexit 101\n")
    _SERVICES_POLICY.chmod(0o755)
    try:
        yield
    finally:
        _SERVICES_POLICY.unlink()
