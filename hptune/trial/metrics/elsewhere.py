"""Finds the event files that a trainer writes outside of its own directory.

Its arguments name where, or it holds them open.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
# An argument may name a disk of data: that is not looked through to its end.
_MAX_DEPTH = 6
_MAX_ENTRIES = 5000
# Looking through directories takes longer than reading a file.
_POLL_S = 2.0


class Elsewhere:
    """Follows the event files of one trainer that lie elsewhere.

    Those that its processes hold open are its own. Those below a directory that its arguments name are, where
    no other trial of the job writes there at the same time; those below the directory's subdirectory of the
    trial's number are in any case, and those in the trainer's working directory.

    Args:
        argv: The trainer's command line.
        directory: The trainer's working directory, which no other trial has.
        trial_id: The trial's number.
        alone: Whether the job's trials run one after another.
    """

    def __init__(
        self, argv: Sequence[str] = (), directory: Path = Path(), trial_id: str = "", *, alone: bool = False
    ) -> None:
        named = dict.fromkeys(_named(argv, directory))
        own = (directory,) if argv else ()
        self.roots = (
            *own,
            *(root if alone or directory in root.parents else root / trial_id for root in named),
        )
        self._files: dict[Path, Path] = {}
        self._next_s = 0.0
        # What lies there already is another's, or an attempt's that was cut off.
        self._earlier = frozenset(self._below_roots())

    def files(self, groups: Collection[int], *, at_once: bool = False) -> dict[Path, Path]:
        """Returns the event files that were found so far, each with the directory that it was found below.

        Args:
            groups: The process groups of the trainer; none where it has ended.
            at_once: Whether to look even where that was done a moment ago.
        """
        if at_once or time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _POLL_S
            for path in (*self._below_roots(), *open_event_files(groups)):
                if path not in self._earlier:
                    self._files.setdefault(path, self._root_of(path))
        return self._files

    def _below_roots(self) -> list[Path]:
        return [path for root in self.roots for path in _event_files(root)]

    def _root_of(self, path: Path) -> Path:
        """Returns the directory below which names say what a file is of: the named one, or two above it."""
        within = [root for root in self.roots if root in path.parents]
        return (
            max(within, key=lambda root: len(root.parts))
            if within
            else path.parents[min(2, len(path.parents) - 1)]
        )


def _named(argv: Sequence[str], directory: Path) -> Iterator[Path]:
    """Returns what a command line names that can be a directory, whether it is there yet or not."""
    for token in argv[1:]:
        value = token.partition("=")[2] if token.startswith("-") else token
        if (
            # os.path's, for any text: a script of `python -c` is too long for a name.
            ("/" in value or os.path.isdir(directory / value))  # noqa: PTH112
            and value
            and "://" not in value
            and "\0" not in value
        ):
            path = Path(os.path.normpath(directory / value))  # a link keeps its name
            if path != Path(path.anchor) and not os.path.isfile(path):  # noqa: PTH113
                yield path


def _event_files(root: Path) -> Iterator[Path]:
    left = _MAX_ENTRIES
    depth = len(root.parts)
    for folder, folders, names in os.walk(root):
        left -= len(names) + len(folders)
        if len(Path(folder).parts) - depth >= _MAX_DEPTH or left < 0:
            folders.clear()
        yield from (Path(folder, name) for name in names if "tfevents" in name)
        if left < 0:
            return


def open_event_files(groups: Collection[int]) -> Iterator[Path]:
    """Returns the event files that process groups hold open; none where the kernel does not tell."""
    for process in _PROC.glob("[0-9]*") if groups else ():
        with suppress(OSError, ValueError):
            if os.getpgid(int(process.name)) in groups:
                for descriptor in (process / "fd").iterdir():
                    target = descriptor.readlink()
                    if "tfevents" in target.name and target.is_absolute() and target.is_file():
                        yield target
