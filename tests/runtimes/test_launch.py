import subprocess
import sys
from pathlib import Path

import pytest

from hptune.runtimes import LAUNCH
from hptune.runtimes.interpreters import ask

TASK = """
import sys, pickle, multiprocessing, json
import helper
class Kept(object):
    pass
def double(x):
    return 2 * x
if __name__ == "__main__":
    Kept.__module__ == "__main__" and pickle.loads(pickle.dumps(Kept()))
    print(sys.argv[1:], helper.HERE, json.__name__, __package__, sorted(set(globals()) & {"_start", "runpy"}))
"""


def pythons():
    found = sorted(Path.home().glob(".pyenv/versions/*/bin/python"))
    return [sys.executable, *map(str, found)]


@pytest.fixture
def project(tmp_path):
    package = tmp_path / "project" / "trainer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "helper.py").write_text("HERE = 'sibling'")
    # Of the same name as one of Python's own, which must come first.
    (package / "json.py").write_text("raise SystemExit('hidden')")
    (package / "task.py").write_text(TASK)
    return package.parent


def launch(python, project, *args, **options):
    command = [python, str(LAUNCH), *args]
    environment = {"PYTHONPATH": str(project), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("python", pythons())
def test_a_module_finds_its_siblings_last_under_every_python(python, project, tmp_path):
    found = ask(python)
    if found is None:
        pytest.skip(f"{python} does not run")
    if found.version < (3, 0):
        # A package's own modules come first there, as the trainer's author knew.
        (project / "trainer" / "json.py").unlink()
    (tmp_path / "trainer").mkdir()
    ended = launch(python, project, "trainer.task", "--lr", "1", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n")[0].replace("'", '"') in (
        '["--lr", "1"] sibling json trainer []',
        '(["--lr", "1"], "sibling", "json", "trainer", [])',
    )


def test_a_missing_module_is_named_without_the_launchers_traceback(project):
    ended = launch(sys.executable, project, "trainer.nothing")
    assert ended.returncode == 1
    assert "No module named trainer.nothing" in ended.stderr
    assert "Traceback" not in ended.stderr
