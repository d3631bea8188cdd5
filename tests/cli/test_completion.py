import os
import subprocess
import sys
from pathlib import Path

HPTUNE = Path(sys.executable).with_name("hptune")


def complete(*words):
    environment = {"COMP_WORDS": " ".join(["hptune", *words]), "COMP_CWORD": str(len(words))}
    return subprocess.run(
        [HPTUNE],
        env={**os.environ, **environment, "_HPTUNE_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_a_shell_completes_commands_and_options():
    assert "plain,describe" in complete("de")
    assert "plain,delete" in complete("de")
    assert "plain,--watch" in complete("describe", "--w")


def test_the_line_of_the_manual_is_one_that_bash_takes():
    manual = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
    line = next(line.strip() for line in manual.splitlines() if "_COMPLETE=bash_source" in line)
    path = f"{HPTUNE.parent}{os.pathsep}{os.environ['PATH']}"
    loaded = subprocess.run(
        ["bash", "-c", f"{line} && complete -p hptune"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert "hptune" in loaded.stdout
