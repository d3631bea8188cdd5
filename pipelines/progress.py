"""Steps' lines as they come, and on a terminal the job that one of them runs, live below them."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.text import Text

from hptune.console.live import can_show_live
from hptune.console.program import COMMAND_VARIABLE, console, program_to_type
from hptune.console.progress import show_study_file
from hptune.console.study_file import VARIABLE, StudyFile
from hptune.steps.process import FAILURE_VARIABLE, read_failure


@dataclass(frozen=True)
class StepFiles:
    """Where steps leave how far they are, and how they failed.

    Attributes:
        folder: A directory that the steps' processes or containers see under the same path.
    """

    folder: Path

    @property
    def study(self) -> Path:
        """The job's progress."""
        return self.folder / "study.json"

    def failure(self) -> tuple[str, int] | None:
        """Returns the step that failed and its exit code; None where none has."""
        return read_failure(self.folder / "failure.json")

    def environment(self, stream: TextIO) -> Mapping[str, str]:
        """Returns what steps are told of the files, and of who reads what they print.

        They are told of the job's progress only where ``stream`` can show it.
        """
        live = {VARIABLE: str(self.study)} if can_show_live(console(stream)) else {}
        return {
            FAILURE_VARIABLE: str(self.folder / "failure.json"),
            COMMAND_VARIABLE: program_to_type(),
            # A line is to be read when it is printed.
            "PYTHONUNBUFFERED": "1",
            **live,
        }


@contextmanager
def step_files(root: Path) -> Iterator[StepFiles]:
    """Makes a directory for them below ``root``; it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix=".hptune-", dir=root) as folder:
        yield StepFiles(Path(folder))


@contextmanager
def in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Has the processes that start until the block ends see more variables."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)


@contextmanager
def lines_and_job(stream: TextIO, study: Path) -> Iterator[Callable[[str], None]]:
    """Yields what shows a line on ``stream``, until the block ends.

    Args:
        stream: On a terminal, the job that a step runs is shown below the lines.
        study: Where that step writes its progress.
    """
    out = console(stream)
    if not can_show_live(out):
        yield lambda line: print_line(stream, line)
        return
    with show_study_file(StudyFile(study), out):
        yield lambda line: out.print(Text(line), soft_wrap=True)


def print_line(stream: TextIO, line: str) -> None:
    """Writes a line at once, and not with print, which kfp replaces by one that indents."""
    stream.write(line + "\n")
    stream.flush()
