"""The scripts themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkouts import ROOT

SCRIPTS = sorted((ROOT / "manifests" / "scripts").glob("*.sh"))
OTHERS = [ROOT / "images" / "standin.sh", ROOT / ".ci" / "run"]
COMMANDS = [path for path in SCRIPTS if path.read_text().startswith("#!")]


def test_shellcheck_finds_nothing():
    beside = Path(sys.executable).with_name("shellcheck")
    shellcheck = str(beside) if beside.exists() else shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("no shellcheck; it comes with pip install --editable '.[dev]'")
    # What is sourced is checked with each of those that source it, because it uses their variables.
    for command in (
        [shellcheck, "--external-sources", "--check-sourced", *map(str, COMMANDS)],
        # And each by itself, as an editor does.
        [shellcheck, *map(str, OTHERS), *map(str, SCRIPTS)],
    ):
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_parts_are_used():
    sourced = "".join(path.read_text() for path in SCRIPTS)
    for path in set(SCRIPTS) - set(COMMANDS):
        assert f'source "$here/{path.name}"' in sourced


def test_all_of_them_can_be_run():
    assert COMMANDS
    for path in COMMANDS:
        assert path.stat().st_mode & 0o111, f"{path.name} is not executable"


def test_nothing_is_evaluated():
    for path in SCRIPTS:
        code = [line.partition("#")[0] for line in path.read_text().splitlines()]
        assert not [line for line in code if "eval " in line or "sh -c" in line], path.name
