"""What is slow to import is not imported by those who can do without it."""

import subprocess
import sys

import pytest

SLOW = ("kubernetes", "numpy", "optuna", "plotly", "scipy", "sklearn", "tensorboard", "tensorflow")
IMPORTED = f"import sys; print(*(name for name in {SLOW} if name in sys.modules))"


def imported_by(code):
    command = [sys.executable, "-c", f"{code}\n{IMPORTED}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("step", ["hptune.steps.tune", "hptune.steps.train", "hptune.steps.report"])
def test_a_step_imports_no_tensorflow_before_it_trains(step):
    assert "tensorflow" not in imported_by(f"import {step}")


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_the_command_line_tells_of_itself_without_what_jobs_need(argument):
    run = f"import sys; sys.argv = ['hptune', '{argument}']\nfrom hptune.cli.app import main\n"
    run += "try:\n    main()\nexcept SystemExit:\n    pass"
    assert imported_by(run) == set()
