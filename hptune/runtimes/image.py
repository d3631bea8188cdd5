"""What a container image says of how it is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hptune.errors import Fault, UsageError

_SHELLS = ("sh", "bash", "ash", "dash")


@dataclass(frozen=True)
class Image:
    """An image's configuration, as the OCI's image specification has it.

    Attributes:
        entrypoint: Its ENTRYPOINT.
        command: Its CMD, which arguments take the place of.
        id: Its id on this machine; empty where it is not here.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    id: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Any], image_id: str = "") -> Image:
        """Reads the object ``config`` of an image's configuration."""
        return cls(tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ()), image_id)

    def words_before_arguments(self, place: str) -> tuple[str, ...]:
        """Returns the words that a trial's arguments follow: ENTRYPOINT or, where there is none, CMD.

        Args:
            place: Where the image is named, for messages.

        Raises:
            UsageError: It has neither, or one that takes no arguments.
        """
        words = self.entrypoint or self.command
        kind = "ENTRYPOINT" if self.entrypoint else "CMD"
        if not words:
            raise UsageError(_fault(place, "has neither ENTRYPOINT nor CMD"))
        if _is_line_of_shell(words):
            problem = f"has the {kind} {words[2]!r} as a line of the shell, which takes no arguments"
            raise UsageError(_fault(place, f"{problem}: no trial would see its parameters"))
        return words


def _is_line_of_shell(words: Sequence[str]) -> bool:
    """Returns whether words are a Dockerfile's shell form, its arguments not passed on by hand."""
    is_shell = len(words) == 3 and words[0].rpartition("/")[2] in _SHELLS and words[1] in ("-c", "-ec")
    return is_shell and not any(mark in words[2] for mark in ("$@", "$*", "$0"))


def _fault(place: str, problem: str) -> Fault:
    return Fault(place, f"{problem}; --command 'python task.py' says what to run")
