"""Jobs of the command line whose processes are looked for in /proc, to be killed or to be missed."""

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tiny_jobs import PRELUDE, job_text

from hptune.backends.local.backend import LocalBackend
from hptune.errors import JobDirError
from hptune.results.study import TrialState
from hptune.runtimes.processes import Process, all_processes

PATIENCE_S = 180
MARK = "HPTUNE_TEST_MARK"


def run_command_line(argv, mark, output, temporary):
    """The command line in a process that has imported it before, which is most of what it takes to start."""
    from hptune.cli import app

    os.setpgid(0, 0)
    os.environ[MARK] = mark
    os.environ["TMPDIR"] = tempfile.tempdir = temporary
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    sys.argv = argv
    app.main()


class KillableJob:
    """One job, always started by the same command.

    Attributes:
        root: Its directory.
        scratch: Where its trainer is.
        output: What the command printed.
        temporary: Its TMPDIR.
        mark: What its processes have in their environments.
        argv: The command.
    """

    def __init__(self, directory, processes, body, *flags, **tuning):
        self._processes = processes
        self.scratch = directory / "trainer"
        self.scratch.mkdir(parents=True)
        (self.scratch / "__init__.py").touch()
        (self.scratch / "task.py").write_text(PRELUDE + body)
        config = directory / "hptune.yaml"
        config.write_text(job_text(**tuning))
        self.root = directory / "job"
        self.output = directory / "output.txt"
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self.mark = str(directory)
        named = {"config": config, "package-path": self.scratch, "module-name": "trainer.task"}
        named["job-dir"] = self.root
        self.argv = ["hptune", "run", "job", *(f"--{name}={value}" for name, value in named.items()), *flags]

    def start(self):
        process = self._processes.Process(
            target=run_command_line, args=(self.argv, self.mark, self.output, str(self.temporary))
        )
        process.start()
        return process

    def succeeded(self):
        """Trials that have succeeded so far, and how often the trainer of each was started."""
        try:
            trials = LocalBackend(self.root).describe().study.trials
        except JobDirError:
            # It was killed before it was on record.
            return {}
        starts = self.scratch / "starts"
        counts = Counter(map(int, starts.read_text().split() if starts.exists() else []))
        return {t.id: (t, counts[t.id]) for t in trials if t.state is TrialState.SUCCEEDED}

    def processes(self):
        """The supervisors, trainers and what those started, whoever is their parent: they carry a mark."""
        return [
            each
            for each in all_processes()
            if not each.is_zombie and each.environment().get(MARK.encode()) == self.mark.encode()
        ]


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(pid):
    """Kills a process; returns whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def is_alive(pid):
    process = Process.read(pid)
    return process is not None and not process.is_zombie


def command_line(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
