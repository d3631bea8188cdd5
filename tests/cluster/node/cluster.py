"""Starts a cluster of one node on this machine, and ends it without a trace."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.cluster import settings
from tests.cluster.node import containers, control_plane, kubelet, network, pki, processes, store
from tests.cluster.shell import run, step, succeeds, tell

_NETWORK_NAMESPACES = Path("/run/netns")
_CONTAINER_LOGS = Path("/var/log/containers")
_POD_CGROUP = "kubepods"
# Directories that kubelet and the CNI plugins make wherever their own are.
_STRAY = (_CONTAINER_LOGS, Path("/var/lib/kubelet"), Path("/var/lib/cni"), _NETWORK_NAMESPACES)
# What of these, and which network namespaces, the machine had before the first start.
_BEFORE = settings.STATE / "before.json"


def start() -> None:
    """Starts what does not run yet.

    Raises:
        HarnessError: A part does not start; the message has the end of its log.
    """
    with step("starting the node"):
        settings.RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.STATE.mkdir(parents=True, exist_ok=True)
        if not _BEFORE.exists():
            network.refuse_conflicts()
            _BEFORE.write_text(json.dumps([*_namespaces(), *(str(each) for each in _STRAY if each.exists())]))
        network.raise_bridge()
        pki.make()
        control_plane.start()
        containers.start_registry()
        store.start()
        containers.start_containerd()
        kubelet.start()


def is_up() -> bool:
    """Whether the node's kubelet runs."""
    return processes.is_running("kubelet")


def stop() -> None:
    """Ends every process, removes mounts, networks and what was written; what was built stays."""
    if not settings.STATE.exists() and not settings.RUN.exists():
        tell("no cluster runs")
        return
    with step("ending the node"):
        processes.stop("kubelet")
        _end_pods()
        for name in processes.names():
            processes.stop(name)
        processes.kill(_processes_with(str(settings.CONTAINERD_SOCKET)))
        _unmount()
        network.take_back()
        _remove_leftovers()


def _end_pods() -> None:
    processes.kill(_processes_in_pods())
    if processes.is_running("containerd"):
        processes.wait_for("the end of the pods' processes", lambda: not _processes_in_pods(), patience_s=20)
        containers.remove_containers()


def _processes_in_pods() -> list[int]:
    return _processes(lambda process: f"/{_POD_CGROUP}/" in (process / "cgroup").read_text())


def _processes_with(text: str) -> list[int]:
    """Those that have a text among their arguments: a container's shim outlives containerd."""
    return _processes(lambda process: text.encode() in (process / "cmdline").read_bytes().split(b"\0"))


def _processes(wanted: Callable[[Path], bool]) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted(process):
                found.append(int(process.name))
        except OSError:
            # It ended meanwhile.
            continue
    return found


def _unmount() -> None:
    """Unmounts all below our directories, the inner ones first."""
    roots = tuple(f"{each}/" for each in (settings.RUN, settings.CACHE))
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for path in reversed(mounted):
        plain = path.encode().decode("unicode_escape")
        if plain.startswith(roots) and not succeeds("umount", plain):
            run("umount", "--lazy", plain)


def _namespaces() -> set[str]:
    return {path.name for path in _NETWORK_NAMESPACES.glob("cni-*")}


def _remove_leftovers() -> None:
    if _BEFORE.exists():
        before = set(json.loads(_BEFORE.read_text()))
        for name in _namespaces() - before:
            run("ip", "netns", "delete", name)
        _remove_strays(before)
    for group in (_POD_CGROUP, settings.CGROUP):
        for path in sorted(Path("/sys/fs/cgroup").glob(f"**/{group}/**/"), reverse=True):
            path.rmdir()
    for directory in (settings.STATE, settings.RUN):
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists():
            tell(f"{directory} is not empty")


def _remove_strays(before: set[str]) -> None:
    for link in _CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(settings.STATE):
            link.unlink()
    for directory in _STRAY:
        if str(directory) not in before:
            shutil.rmtree(directory, ignore_errors=True)
