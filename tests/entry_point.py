"""The command's entry point, called in this process: starting another for each command line takes seconds."""

import io
import shlex
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from hptune.cli import app


@dataclass
class Result:
    code: int
    out: str
    err: str


def call(line, *more):
    """Runs ``hptune`` with a command line as a shell reads it, and more arguments as they are."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv, handler = sys.argv, signal.getsignal(signal.SIGTERM)
    sys.argv = ["hptune", *shlex.split(line), *more]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            app.main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = argv
        signal.signal(signal.SIGTERM, handler)
    return Result(code, out.getvalue(), err.getvalue())


def write_job(home, trainer, job_file):
    """A trainer's package and its job file, as a user has them side by side."""
    (home / "trainer").mkdir()
    (home / "trainer" / "__init__.py").touch()
    (home / "trainer" / "task.py").write_text(trainer)
    (home / "hptune.yaml").write_text(job_file)
