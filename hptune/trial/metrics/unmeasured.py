"""Tells the event files of tasks that are not measured: a worker would report what the master does once more.

All tasks of a trial write below one directory, as on the service, so the place of a file says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from hptune.trial.metrics.elsewhere import open_event_files

# TensorFlow 2 and PyTorch: events.out.tfevents.TIME.HOST.PID.NUMBER, with .v2 behind it or not.
_PROCESS = re.compile(r"\.(\d+)\.\d+(?:\.v2)?$")


class Unmeasured:
    """Knows whose a file is when it is first seen: by who holds it open, and by what its name says.

    Args:
        groups: Process groups of tasks that are not measured, which may become more.
        hosts: Names of the machines that such tasks run on.
    """

    def __init__(self, groups: Collection[int] = (), hosts: Collection[str] = ()) -> None:
        self._groups = groups
        self._hosts = hosts
        self._counts: dict[Path, bool] = {}

    def left_out(self, paths: Iterable[Path]) -> list[Path]:
        """Returns ``paths`` without the files of such tasks."""
        if not self._groups and not self._hosts:
            return [*paths]
        paths = [*paths]
        if any(path not in self._counts for path in paths):
            open_files = {*open_event_files(self._groups)}
            for path in paths:
                is_foreign = path.resolve() in open_files or self._is_named(path.name)
                self._counts.setdefault(path, not is_foreign)
        return [path for path in paths if self._counts[path]]

    def _is_named(self, name: str) -> bool:
        process = _PROCESS.search(name)
        if process and int(process[1]) in self._groups:
            return True
        return any(f".{host}." in f"{name}." for host in self._hosts)
