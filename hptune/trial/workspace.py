"""Where one trainer runs: a working directory, a TMPDIR and a port of its own, as in a container of its own.

What the user's words name relative to where the job was submitted is given to the trainer by its whole path.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hptune.job.submission import Program
from hptune.storage.job_dir import TrialDir
from hptune.storage.scratch import scratch
from hptune.trial.arguments import trainer_argv
from hptune.trial.environment import TRIAL_DIR_VARIABLE, VERTEX_DIRECTORIES, trainer_environment
from hptune.trial.spec import TrialSpec
from hptune.trial.tasks import Addresses, here

SUBMIT_DIR_VARIABLE = "HPTUNE_SUBMIT_DIR"
"""Tells a trainer where the job was submitted."""
OWN_VARIABLES = frozenset(
    {
        *("TF_CONFIG", "CLUSTER_SPEC", "CLOUD_ML_TRIAL_ID", "CLOUD_ML_HP_METRIC_FILE"),
        *(TRIAL_DIR_VARIABLE, "TMPDIR", "PWD", *VERTEX_DIRECTORIES),
    }
)
"""Variables that differ from trial to trial; no library reads them when it is imported."""


@dataclass(frozen=True)
class Workspace:
    """How a trainer is started.

    Attributes:
        argv: The trainer's command line.
        environment: All of the trainer's environment.
        directory: The trainer's working directory.
        why: Says why it ended, by its exit code, where what it ran in knows; empty where it does not.
    """

    argv: list[str]
    environment: dict[str, str]
    directory: Path
    why: Callable[[int], str] = lambda _: ""


@contextmanager
def own_workspace(
    spec: TrialSpec, base: Mapping[str, str], addresses: Addresses | None = None
) -> Iterator[Workspace]:
    """Makes the workspace of a trial's task, empty as a new container.

    Its TMPDIR is removed afterwards; what the trainer wrote elsewhere is kept.

    Args:
        spec: The trial, seen from the task.
        base: The environment around it.
        addresses: Where the trial's tasks listen; None for a master alone, at a port that is free.

    Raises:
        OSError: A directory cannot be made.
    """
    submit_dir = os.getcwd()  # noqa: PTH109  (a text, as all around it)
    directory = TrialDir(spec.directory.output.absolute(), spec.directory.state.absolute())
    shutil.rmtree(directory.work, ignore_errors=True)
    directory.work.mkdir(parents=True, exist_ok=True)
    user_args = tuple(whole_argument(token, submit_dir) for token in spec.user_args)
    where = here({}, spec.training_input) if addresses is None else addresses
    own = replace(spec, directory=directory, user_args=user_args, program=_program(spec.program, submit_dir))
    # Not below the job's directory: names of sockets in it must be short.
    with scratch(directory.state) as temporary:
        environment = {
            **trainer_environment(
                own, {**base, "PYTHONPATH": _python_path(spec.program, base, submit_dir)}, where
            ),
            SUBMIT_DIR_VARIABLE: submit_dir,
            "TMPDIR": str(temporary),
            "PWD": str(directory.work),
        }
        yield Workspace(trainer_argv(own), environment, directory.work)


def shared_environment(spec: TrialSpec, base: Mapping[str, str]) -> dict[str, str]:
    """Returns what the environments of all trials of a job have in common, where ``base`` is around them."""
    submit_dir = os.getcwd()  # noqa: PTH109  (a text, as all around it)
    own = replace(spec, program=_program(spec.program, submit_dir))
    python_path = _python_path(spec.program, base, submit_dir)
    environment = trainer_environment(own, {**base, "PYTHONPATH": python_path})
    shared = {name: value for name, value in environment.items() if name not in OWN_VARIABLES}
    return {**shared, SUBMIT_DIR_VARIABLE: submit_dir}


def whole_argument(token: str, submit_dir: str) -> str:
    """Gives a user's argument, or what follows ``=`` in it, its whole path where it names something there."""
    flag, equals, value = token.partition("=") if token.startswith("-") else ("", "", token)
    return f"{flag}{equals}{_whole_paths(value, submit_dir)}"


def _whole_paths(value: str, submit_dir: str) -> str:
    parts = value.split(",")
    if _names_something(value, submit_dir):
        return _whole(value, submit_dir)
    if len(parts) > 1 and all(_names_something(part, submit_dir) for part in parts):
        return ",".join(_whole(part, submit_dir) for part in parts)
    return value


def _whole(path: str, submit_dir: str) -> str:
    # Joined as text: a slash at the end is meant.
    return path if path.startswith(os.sep) else f"{submit_dir.rstrip(os.sep)}{os.sep}{path}"


def _names_something(value: str, submit_dir: str) -> bool:
    if not value or _is_number(value):
        return False
    return os.path.lexists(_whole(value, submit_dir)) or _is_pattern_of_files(value, submit_dir)


def _is_pattern_of_files(value: str, submit_dir: str) -> bool:
    """Returns whether ``value`` is like ``data/*.csv`` and files match it; a star alone may mean anything."""
    like_one = "*" in value and ("/" in value or "." in value) and "\0" not in value
    return like_one and bool(glob.glob(value, root_dir=submit_dir))  # noqa: PTH207  (of any text)


def _is_number(text: str) -> bool:
    """Returns whether a text is a number: a count is no directory, whatever the directories are called."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _program(program: Program, submit_dir: str) -> Program:
    """Returns the program with whole paths; the first word of a command is one only where it has a slash."""
    words = [
        word if i == 0 and os.sep not in word else whole_argument(word, submit_dir)
        for i, word in enumerate(program.command)
    ]
    python_path = tuple(_whole(each, submit_dir) for each in program.python_path)
    python = _whole(program.python, submit_dir) if os.sep in program.python else program.python
    return replace(program, command=tuple(words), python_path=python_path, python=python)


def _python_path(program: Program, base: Mapping[str, str], submit_dir: str) -> str:
    """Makes PYTHONPATH of whole paths, first where a command's Python would have looked for its modules."""
    given = base.get("PYTHONPATH", "")
    entries = [_whole(entry, submit_dir) for entry in given.split(os.pathsep)] if given else []
    if {"-m", "-c"} & set(program.command):
        entries.insert(0, submit_dir)
    return os.pathsep.join(entries)
