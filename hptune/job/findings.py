"""What is wrong, and what is odd, in one job file, each at its line and field."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

from hptune.errors import Fault, JobFileError
from hptune.job.document import Document, FieldPath
from hptune.job.fields import show
from hptune.job.overrides import Override, overridden

WRAPPER = "trainingInput"


class Findings:
    """Collects faults and warnings; paths count from ``data``, places show the file's own.

    Attributes:
        source: What the file is called in messages.
        data: What the file asks for, with what flags set in it: a training input, or what one is made of.
        warnings: What does not stop a job, in words.
    """

    def __init__(self, source: str, document: Document, overrides: Sequence[Override] = ()) -> None:
        """Finds the training input in the document.

        Args:
            source: What the file is called in messages.
            document: The file.
            overrides: The fields that flags set; they are called by their flags in messages.

        Raises:
            JobFileError: There is none.
        """
        self.source = source
        self._document = document
        self._overrides = overrides
        self._root: FieldPath = ()
        self._origins: Mapping[FieldPath, FieldPath] = {}
        # By the file's own path, for the order of its lines.
        self._faults: dict[FieldPath, Fault] = {}
        self._above_faults: set[FieldPath] = set()
        self.warnings: list[str] = []
        self.data: dict[str, Any] = overridden(self._training_input(), overrides)

    def _training_input(self) -> dict[str, Any]:
        data = self._document.data
        if data is None:
            raise JobFileError(Fault(self.source, f"is empty; must hold {WRAPPER} with hyperparameters"))
        if isinstance(data, dict) and WRAPPER in data:
            self._root = (WRAPPER,)
            data = data[WRAPPER] or {}
        if not isinstance(data, dict):
            raise JobFileError(
                Fault(self.place(()), f"is {show(data)}; must be a mapping that holds {WRAPPER}")
            )
        return data

    def translate(
        self, data: dict[str, Any], origins: Mapping[FieldPath, FieldPath], overrides: Sequence[Override]
    ) -> None:
        """Goes on with a training input that was made of the file's fields; places show those.

        Args:
            data: The training input.
            origins: Path in the training input -> path in the file; what is below one is below the other.
            overrides: The fields of the training input that flags set.
        """
        self._origins = origins
        self._overrides = overrides
        self.data = overridden(data, overrides)

    @property
    def outside(self) -> dict[str, Any]:
        """Fields beside the training input; none where the file is one."""
        return self._document.data if self._root else {}

    def place(self, path: FieldPath) -> str:
        """Names file, line and field, the field as the file writes it; the flag where that set it."""
        if flag := next((each.flag for each in self._overrides if each.concerns(path)), None):
            return flag
        path = self._in_file(path)
        return self._place(path, self._line(path))

    def _in_file(self, path: FieldPath) -> FieldPath:
        """Returns where the file has a field, or should."""
        for length in range(len(path), 0, -1):
            if (origin := self._origins.get(path[:length])) is not None:
                return (*origin, *path[length:])
        return (*self._root, *path)

    def _place(self, path: FieldPath, line: int) -> str:
        return ": ".join(filter(None, (f"{self.source}:{line}", dotted(self._document.as_written(path)))))

    def _line(self, path: FieldPath) -> int:
        """Finds the line where the field begins; of a missing one, that of the nearest that holds it."""
        ancestors = (path[:length] for length in range(len(path), 0, -1))
        return next((self._document.lines[each] for each in ancestors if each in self._document.lines), 1)

    def fault(self, path: FieldPath, problem: str) -> None:
        """Notes a fault, unless one is known there, above it or below it: that one is the cause."""
        here = self._in_file(path)
        way = [here[:length] for length in range(len(here) + 1)]
        if here not in self._above_faults and not any(each in self._faults for each in way):
            self._faults[here] = Fault(self.place(path), problem)
            self._above_faults.update(way)

    def missing(self, path: FieldPath, needed: str) -> None:
        """Notes that a field is missing or empty, and which of its neighbours may be meant to be it."""
        neighbours = self._neighbours(path)
        state = "is empty" if neighbours.get(path[-1]) == [] else "is missing"
        self.fault(path, f"{state}; {needed}{self._misnamed(path, neighbours)}")

    def _neighbours(self, path: FieldPath) -> dict[str | int, Any]:
        """Returns the mapping that holds the field, or should; empty where there is no mapping."""
        mapping: Any = self.data
        for key in path[:-1]:
            mapping = mapping[key]
        return mapping if isinstance(mapping, dict) else {}

    def _misnamed(self, path: FieldPath, neighbours: Collection[str | int]) -> str:
        *way, name = path
        if path == ("hyperparameters",) and name in self.outside:
            return f" (line {self._document.lines[name,]} has it outside {WRAPPER}; indent it)"
        near = difflib.get_close_matches(str(name), map(str, neighbours), n=1, cutoff=0.75)
        # The neighbours in a training input that was made of the file are not the file's.
        if not near or near[0] == name or self._origins:
            return ""
        return f" (is {near[0]!r} on line {self._document.lines[*self._root, *way, near[0]]} meant to be it?)"

    def warn(self, path: FieldPath, warning: str) -> None:
        """Notes what a person should know although the job can run."""
        self.warnings.append(f"{self.place(path)}: {warning}")

    def warn_repeated(self) -> None:
        """Warns of every key that a mapping holds twice."""
        for path, line in self._document.repeated:
            first = self._document.lines[path]
            self.warnings.append(f"{self._place(path, line)}: is given again; the one on line {first} counts")

    def warn_unknown(self, path: FieldPath, known: Collection[str]) -> None:
        """Warns that nobody knows the field at ``path``, and of the nearest of those that are known."""
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        self.warn(path, "unknown field, ignored" + (f" (did you mean {near[0]}?)" if near else ""))

    def warn_outside(self, name: str, known: Collection[str], inside: Collection[str]) -> None:
        """Warns of a field beside the training input that does not belong there."""
        if name in inside:
            self.warn_beside(name, f"stands outside {WRAPPER} and is ignored; indent it")
        elif name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            self.warn_beside(name, "unknown field, ignored" + (f" (did you mean {near[0]}?)" if near else ""))

    def warn_beside(self, name: str, warning: str) -> None:
        """Warns of a field beside the training input."""
        self.warnings.append(f"{self._place((name,), self._line((name,)))}: {warning}")

    @property
    def faulty(self) -> bool:
        """Whether any fault was noted."""
        return bool(self._faults)

    def fail(self) -> NoReturn:
        """Raises every fault, in the order of the file's lines.

        Raises:
            JobFileError: Always.
        """
        raise JobFileError([self._faults[path] for path in sorted(self._faults, key=self._line)])


def dotted(path: FieldPath) -> str:
    """Writes ``('params', 1, 'minValue')`` as ``params[1].minValue``, odd characters escaped."""
    name = ""
    for key in path:
        if isinstance(key, int):
            name += f"[{key}]"
        else:
            name += ("." if name else "") + (key if key.isprintable() else repr(key))
    return name
