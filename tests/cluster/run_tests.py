"""Runs the tests in a cluster; what fails is run once more, and named.

A node of two processors has hiccups that are not hptune's: a webhook that does not answer in time, a pod that
starts after minutes. A change that breaks hptune fails twice.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence

from tests.cluster import settings
from tests.cluster.shell import tell

_AT_ONCE = ("--numprocesses", "4", "--dist", "load", "--maxschedchunk", "1")
_CACHE = settings.CACHE / "pytest"
# Of pytest: some tests failed, and nothing else is wrong.
_TESTS_FAILED = 1
# More than these are no hiccups.
_MOST_AGAIN = 5


def run_tests(options: Sequence[str] = ()) -> int:
    """Runs them, several at once.

    Args:
        options: More for pytest, such as ``-k early``.

    Returns:
        pytest's exit code; 0 where what failed first did not fail again.
    """
    code = _pytest(*_AT_ONCE, *options)
    failed = _failed()
    if code != _TESTS_FAILED or len(failed) > _MOST_AGAIN:
        return code
    tell(f"{len(failed)} failed, and run once more, one after the other")
    code = _pytest("--last-failed", *options)
    still = _failed()
    for name in failed:
        tell(f"ran twice, {'failed again' if name in still else 'passed the second time'}: {name}")
    return code


def _pytest(*options: str) -> int:
    command = [sys.executable, "-m", "pytest", "--quiet", "-m", "cluster", "-o", f"cache_dir={_CACHE}"]
    with subprocess.Popen([*command, *options, "tests/cluster"], cwd=settings.ROOT) as process:
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                # Somebody ends this process; pytest ends what its tests have started.
                process.send_signal(signal.SIGINT)


def _failed() -> list[str]:
    path = _CACHE / "v" / "cache" / "lastfailed"
    return sorted(json.loads(path.read_text())) if path.is_file() else []
