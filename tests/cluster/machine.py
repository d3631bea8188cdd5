"""Whether this machine can be a node, and the Debian packages that make it one."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.shell import MissingError, run, step

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
