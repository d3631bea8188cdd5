"""Runs other programs, and says what is going on and how long it takes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STARTED = time.monotonic()
_KEPT_LINES = 40


class HarnessError(Exception):
    """The cluster cannot be built, started or ended."""


class MissingError(HarnessError):
    """This machine lacks what a cluster needs; the message names it."""


class OutOfTimeError(HarnessError):
    """A build has taken longer than it was given."""


def tell(text: str) -> None:
    """Prints a line with the time since the program's start."""
    minutes, seconds = divmod(int(time.monotonic() - _STARTED), 60)
    print(f"[{minutes:2}:{seconds:02}] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Tells that something begins and how long it took."""
    tell(f"{text} ...")
    started = time.monotonic()
    yield
    tell(f"{text}: {time.monotonic() - started:.0f} s")


def run(
    *command: str | Path,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    given: str | None = None,
) -> str:
    """Runs a command to its end.

    Args:
        command: The program and its arguments.
        cwd: The directory to run in.
        env: Variables besides this process's.
        given: Text for its standard input.

    Returns:
        What it wrote to its standard output.

    Raises:
        HarnessError: It failed; the message has the end of what it wrote.
    """
    words = [str(word) for word in command]
    result = subprocess.run(
        words, cwd=cwd, env={**os.environ, **(env or {})}, input=given, capture_output=True, text=True
    )
    if result.returncode:
        tail = (result.stdout + result.stderr).splitlines()[-_KEPT_LINES:]
        raise HarnessError("\n".join([f"exit code {result.returncode} of: {' '.join(words)}", *tail]))
    return result.stdout


def succeeds(*command: str | Path, env: dict[str, str] | None = None) -> bool:
    """Whether a command ends with exit code 0."""
    words = [str(word) for word in command]
    return subprocess.run(words, env={**os.environ, **(env or {})}, capture_output=True).returncode == 0
