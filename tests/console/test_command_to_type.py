"""The commands that hptune tells people to type: they work where they are told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = f"""#!{sys.executable}
from hptune.console.program import command_to_type
print(command_to_type('list'))
"""
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def clone(tmp_path):
    """A directory with a program in a virtual environment's place."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("hptune", "other"):
        (folder / name).write_text(PROGRAM)
        (folder / name).chmod(0o755)
    return tmp_path


def told(cwd, *command, path=""):
    environment = {
        **os.environ,
        "PATH": f"{path}:/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_program_that_is_not_on_the_path_is_told_as_it_was_started(clone):
    assert told(clone, ".venv/bin/hptune") == ".venv/bin/hptune list"
    assert told(clone, str(clone / ".venv/bin/hptune")) == ".venv/bin/hptune list"
    assert told("/usr", str(clone / ".venv/bin/hptune")) == f"{clone}/.venv/bin/hptune list"


def test_a_program_on_the_path_is_told_by_its_name(clone):
    assert told("/usr", "hptune", path=clone / ".venv/bin") == "hptune list"
    assert told(clone, ".venv/bin/hptune", path=clone / ".venv/bin") == "hptune list"


def test_another_installation_on_the_path_is_not_told(clone, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "hptune").write_text("#!/bin/sh\n")
    (other / "hptune").chmod(0o755)
    assert told(clone, ".venv/bin/hptune", path=other) == ".venv/bin/hptune list"


def test_a_python_program_tells_the_installation_that_it_uses(clone):
    mine = Path(sys.executable).with_name("hptune")
    assert told("/usr", sys.executable, str(clone / ".venv/bin/other")) == f"{mine} list"
    assert told("/usr", sys.executable, str(clone / ".venv/bin/other"), path=mine.parent) == "hptune list"


def test_where_there_is_no_program_python_is_told(clone):
    other = clone / ".venv/bin/other"
    other.write_text(PROGRAM.replace("print", "import sys; sys.executable = '/no programs/python'; print"))
    assert told(clone, str(other)) == "'/no programs/python' -m hptune list"


def test_the_advice_on_a_wrong_command_line_can_be_typed(clone):
    program = clone / ".venv/bin/hptune"
    program.write_text(f"#!{sys.executable}\nfrom hptune.cli.app import main\nmain()\n")
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": ROOT}
    line = [".venv/bin/hptune", "list", "--colour"]
    done = subprocess.run(line, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Try '.venv/bin/hptune list --help' for help." in done.stderr
