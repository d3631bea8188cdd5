"""Fields of a job file without effect on this machine, though they have one in a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hptune.job.document import FieldPath
from hptune.job.findings import dotted
from hptune.job.overrides import Override
from hptune.job.submission import Submission

_TIER: FieldPath = ("scaleTier",)
_MACHINE: tuple[FieldPath, ...] = (
    _TIER,
    ("masterType",),
    ("masterConfig", "acceleratorConfig"),
)
_IMAGE: FieldPath = ("masterConfig", "imageUri")
_COMMAND: FieldPath = ("masterConfig", "containerCommand")
_ARGS: FieldPath = ("masterConfig", "containerArgs")


def fields_without_effect(submission: Submission, overrides: Sequence[Override] = ()) -> list[str]:
    """Returns the fields of the training input that are without effect here; flags, where those set them.

    Args:
        submission: The job.
        overrides: What flags set.
    """
    # A tier that has workers says how many.
    idle = [path for path in _MACHINE if path != _TIER or not submission.job.replicas]
    idle += [(f"{each.role.field}{name}",) for each in submission.job.replicas for name in ("Type", "Config")]
    if not submission.program.image:
        idle.append(_IMAGE)
    if submission.program.module:
        idle.append(_COMMAND)
    if submission.user_args != submission.job.container_args:
        idle.append(_ARGS)
    given = [path for path in idle if _value(submission.job.training_input, path)]
    flags = {each.path[: len(path)]: each.flag for each in overrides for path in given}
    return list(dict.fromkeys(flags.get(path) or submission.job.field(dotted(path)) for path in given))


def _value(training_input: dict[str, Any], path: FieldPath) -> Any:  # noqa: ANN401
    value: Any = training_input
    for name in path:
        value = value.get(name, {})
    return value
