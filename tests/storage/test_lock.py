"""A job's directory is held by one process at a time, whatever becomes of the lock file."""

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from hptune.errors import JobDirError
from hptune.storage import lock
from hptune.storage.lock import hold, is_held

HOLDER = """
import sys, time
from pathlib import Path
from hptune.storage.lock import hold
with hold(Path(sys.argv[1]), Path("job")):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "hptune" / "lock"


@contextmanager
def holder_of(file):
    """A process that holds the lock until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_one_process_holds_it_and_the_kernel_lets_go_however_it_ends(file):
    assert not is_held(file)
    with holder_of(file) as process:
        assert is_held(file)
        with (
            pytest.raises(JobDirError, match=f"^job: is in use by process {process.pid}$"),
            hold(file, Path("job")),
        ):
            pass
    assert not is_held(file)
    with hold(file, file):
        assert is_held(file)
        assert file.read_text() == str(os.getpid())


def test_a_lock_file_that_is_deleted_lets_nobody_in(file):
    with holder_of(file):
        file.unlink()
        assert is_held(file)
        with pytest.raises(JobDirError, match="is in use by process unknown"), hold(file, file.parent):
            pass
    with hold(file, file.parent):
        pass


def test_readers_do_not_take_each_other_for_a_holder(file):
    file.parent.mkdir()
    file.touch()
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        assert not is_held(file)
        os.close(descriptor)


def test_where_directories_cannot_be_locked_the_file_is(file, monkeypatch):
    """As on NFS: the kernel's answer for a directory is made up."""
    real = fcntl.flock

    def flock(descriptor, kind):
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(9, "Bad file descriptor")
        real(descriptor, kind)

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with holder_of(file):
        assert is_held(file)
        with pytest.raises(JobDirError, match="is in use"), hold(file, file.parent):
            pass
    with hold(file, file.parent):
        pass
