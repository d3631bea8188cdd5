import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from hptune.runtimes import cache
from hptune.runtimes.processes import Process

SLOW = """
import sys, time
from pathlib import Path
from hptune.runtimes.cache import make_once
def make(path):
    path.mkdir(); (path / "half").touch(); time.sleep(float(sys.argv[2])); (path / "whole").touch()
make_once(Path(sys.argv[1]), make, print)
"""


def make(path):
    assert not path.exists()
    path.mkdir()
    (path / "whole").touch()


def test_it_is_below_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.runtimes_directory() == tmp_path / "hptune" / "runtimes"


def test_what_is_made_is_not_made_again(tmp_path):
    cache.make_once(tmp_path / "a", make, print)
    cache.make_once(tmp_path / "a", make, print)
    assert cache.is_complete(tmp_path / "a")


def test_what_failed_or_was_killed_half_way_is_made_again(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path / "a"), "60"])
    while not (tmp_path / "a" / "half").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not cache.is_complete(tmp_path / "a")
    cache.make_once(tmp_path / "a", make, print)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".complete", "whole"]


def test_of_two_at_once_one_makes_it_and_the_other_says_that_it_waits(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path / "a"), "1"])
    while not (tmp_path / "a" / "half").exists():
        time.sleep(0.01)
    said = []
    waiting = threading.Thread(target=cache.make_once, args=(tmp_path / "a", pytest.fail, said.append))
    waiting.start()
    waiting.join(30)
    assert process.wait() == 0
    assert said == [f"waits for another process that makes {tmp_path / 'a'}"]


def gone_within(seconds, pid):
    until = time.monotonic() + seconds
    while (left := Process.read(pid)) is not None and not left.is_zombie:
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


OUTLIVES = """
import sys
from pathlib import Path
from hptune.runtimes.cache import make_once
from hptune.runtimes.pip import started
PROGRAM = (
    "import ctypes, os, time; {}; open('pid', 'w').write(str(os.getpid())); "
    "time.sleep({}); open('end', 'w')"
)
def make(path):
    path.mkdir()
    started([sys.executable, "-c", PROGRAM.format(*sys.argv[2:])]).wait()
make_once(Path(sys.argv[1]), make, print)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
@pytest.mark.parametrize(
    ("spoils", "seconds"),
    [("pass", "600"), ("ctypes.CDLL(None).prctl(1, 0)", "1")],
    ids=["ends at once", "has given up its death signal"],
)
def test_what_fills_a_directory_and_outlives_who_started_it_shares_it_with_nobody(tmp_path, spoils, seconds):
    process = subprocess.Popen([sys.executable, "-c", OUTLIVES, "a", spoils, seconds], cwd=tmp_path)
    pid_file = tmp_path / "pid"
    while not (pid_file.exists() and pid_file.read_text()):
        time.sleep(0.01)
    process.kill()

    def make_alone(path):
        # A process that ends lets its locks go before it is gone.
        killed = spoils == "pass" and gone_within(5, int(pid_file.read_text()))
        assert killed or (tmp_path / "end").exists()
        make(path)

    cache.make_once(tmp_path / "a", make_alone, print)
    assert cache.is_complete(tmp_path / "a")
    process.wait()
