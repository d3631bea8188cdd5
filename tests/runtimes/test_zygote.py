"""What keeps a process that has imported a trainer's modules from being forked."""

import json
import os
import subprocess
import sys

import pytest

from hptune.runtimes import ZYGOTE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials are forked on Linux alone")

PROGRAM = """
import json, runpy, sys
imported = runpy.run_path(sys.argv[1])["Imported"](sys.argv[2:], ["OWN"])
import os
print(json.dumps([imported.problem, imported.changed, imported.why_not(dict(os.environ) | {"OWN": "1"})]))
"""


@pytest.fixture
def run_imports(tmp_path):
    def run_imports(source, *statements):
        (tmp_path / "library.py").write_text(source)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "TMPDIR": str(scratch)}
        command = [sys.executable, "-c", PROGRAM, str(ZYGOTE), *(statements or ["import library"])]
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
        return json.loads(output.splitlines()[-1])

    return run_imports


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()",
            "starts threads",
        ),
        ("import subprocess\nchild = subprocess.Popen(['sleep', '2'])", "starts a process"),
        ("import socket\npair = socket.socketpair()", "opens a connection"),
        ("import tempfile\nname = tempfile.mkdtemp()", "keeps files in TMPDIR"),
        ("raise RuntimeError('no licence')", "fails (RuntimeError: no licence)"),
        ("import sys\nsys.exit(3)", "fails (SystemExit: 3)"),
    ],
)
def test_what_a_fork_would_lack_or_share_is_named(run_imports, source, problem):
    assert run_imports(source)[0] == f"'import library' {problem}"


def test_threads_that_end_before_a_fork_are_no_hindrance(run_imports):
    # OpenBLAS, in both, has as many threads as there are cores.
    assert run_imports("", "import numpy", "import scipy.linalg")[0] == ""


def test_a_module_that_is_not_there_is_left_to_the_trainer(run_imports):
    assert run_imports("", "import no_such_module_anywhere")[0] == ""


def test_variables_that_an_import_sets_are_told_from_those_that_the_trainer_sets(run_imports):
    _, changed, _ = run_imports(
        "import os\nos.environ['BY_IMPORT'] = os.environ['BY_TRAINER']",
        "os.environ['BY_TRAINER'] = '1'",
        "import library",
    )
    assert changed == {"BY_IMPORT": "1"}


def test_a_trainer_with_another_environment_is_refused(run_imports):
    # What the import has set since is the difference here.
    assert run_imports("import os\nos.environ['OTHER'] = '1'")[2] == "its environment differs in OTHER"
