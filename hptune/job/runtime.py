"""The runtime of a trainer, as a job's record has it; `hptune.runtimes` makes it ready."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RuntimeKind(StrEnum):
    """What a trainer runs in."""

    PYTHON = "python"
    """An interpreter as it is: hptune's own, or one that is named."""
    TF1 = "tf1"
    """TensorFlow 2.15 as TensorFlow 1, in an environment of its own."""
    KERAS2 = "keras2"
    """TensorFlow 2 with Keras 2."""
    CONTAINER = "container"
    """A container of the job's image."""

    @property
    def is_managed(self) -> bool:
        """Whether hptune makes the environment of it."""
        return self in (RuntimeKind.TF1, RuntimeKind.KERAS2)

    @property
    def tensorflow_api(self) -> str:
        """The value of `API_VARIABLE` for it."""
        return "1" if self is RuntimeKind.TF1 else "2"


IMAGE_PYTHON = "/opt/hptune/tf1/bin/python"
"""The interpreter of TF1 and KERAS2 in the image that ``images/Dockerfile`` builds as ``trainer-tf1``."""
API_VARIABLE = "HPTUNE_TF_API"
"""Tells that interpreter, and the managed environment's, which TensorFlow it is to be: 1 or 2."""


@dataclass(frozen=True)
class Runtime:
    """What a job's trainer runs in.

    Attributes:
        kind: The kind of runtime.
        python: Path of another interpreter; empty for the one that the kind has.
        requirements: What is installed for the trainer beside what is there, as pip takes it.
        optional: What is installed besides where the trainer imports something that is not there.
        imports: The packages that the trainer imports.
        image: The container's image, as the job names it; empty for none.
        flags: Further flags of ``docker run``.
    """

    kind: RuntimeKind = RuntimeKind.PYTHON
    python: str = ""
    requirements: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    image: str = ""
    flags: tuple[str, ...] = ()
