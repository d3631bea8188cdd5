"""Faults that a test makes, one after another: the test is run, and its parts are counted."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.backends.test_bad_trainers import BAD

_ROOT = Path(__file__).resolve().parents[2]
_COUNT = re.compile(r"(\d+) (passed|failed|error|skipped)")


@dataclass(frozen=True)
class Suite:
    """A file of tests.

    Attributes:
        fault: What they do, in words.
        path: The file, from the root.
        ended: How it ends where all of them pass, in words.
        tried: How many faults they make; None where each test makes one.
    """

    fault: str
    path: str
    ended: str
    tried: int | None = None


SUITES = {
    "bad-trainers": Suite(
        "a trainer that breaks what it can reach: hptune's files of its trial, its output, its processes",
        "tests/backends/test_bad_trainers.py",
        "the trial failed with its reason or was measured, the job went on",
        len(BAD),
    ),
    "full-disks": Suite(
        "a disk that is full, at another place for each of its sizes, or filled by a trainer",
        "tests/backends/test_full_disk.py",
        "the disk was named; with room the same command kept each trial that had ended",
    ),
    "clocks": Suite(
        "a clock that is wrong or jumps",
        "tests/backends/test_clocks.py",
        "each trial took as long as it took, and ended as it would have",
    ),
}
"""The tests, by kind."""


@dataclass(frozen=True)
class Outcome:
    """How many tests there were of each outcome.

    Attributes:
        passed: These.
        skipped: Those that could not run here.
        failed: The others.
        lines: What pytest printed.
    """

    passed: int
    skipped: int
    failed: int
    lines: str


def run(suite: Suite) -> Outcome:
    """Runs the tests."""
    command = [sys.executable, "-m", "pytest", "--quiet", suite.path]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    counts = {what: int(count) for count, what in _COUNT.findall(done.stdout.rstrip().rpartition("\n")[2])}
    # Nothing was run, or pytest itself failed.
    failed = counts.get("failed", 0) + counts.get("error", 0) or int(done.returncode != 0)
    return Outcome(counts.get("passed", 0), counts.get("skipped", 0), failed, done.stdout + done.stderr)
