"""Fields of a training input that flags of the command line set, whatever the job file says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hptune.job.document import FieldPath


@dataclass(frozen=True)
class Override:
    """A field that a flag sets.

    Attributes:
        flag: The flag, as messages name it.
        path: The field, from the training input on.
        value: Its text, as a job file would have it.
    """

    flag: str
    path: FieldPath
    value: str

    def concerns(self, path: FieldPath) -> bool:
        """Returns whether ``path`` is the field, holds it or is held by it."""
        return bool(path) and all(ours == theirs for ours, theirs in zip(self.path, path, strict=False))


def overridden(data: Any, overrides: Sequence[Override]) -> Any:  # noqa: ANN401  (a job file's data)
    """Returns a job file's training input with the fields of ``overrides`` in place of its own."""
    for override in overrides:
        data = _with(data, override.path, override.value)
    return data


def _with(data: Any, path: FieldPath, value: str) -> Any:  # noqa: ANN401
    if not path:
        return value
    name, *rest = path
    fields = data if isinstance(data, dict) else {}
    return {**fields, name: _with(fields.get(name), tuple(rest), value)}
