"""Ctrl-C before there is a job, or anything else that could be told of it."""

import os
import signal
import subprocess
import sys

import pytest

# In place of a library: as if Ctrl-C came while it is imported.
INTERRUPTED = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(7)\n"


@pytest.mark.parametrize(
    ("disposition", "code"), [(signal.SIG_DFL, -signal.SIGINT), (signal.SIG_IGN, 7)], ids=["asked", "nohup"]
)
def test_ctrl_c_ends_an_import_without_a_traceback_unless_it_is_ignored(tmp_path, disposition, code):
    (tmp_path / "click.py").write_text(INTERRUPTED)
    ended = subprocess.run(
        [sys.executable, "-m", "hptune", "--version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, disposition),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", "")
