"""Trainers that print very much: a real supervisor, whose standard output is the trial's log."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hptune.backends.local.logs import follow
from hptune.job.submission import Program
from hptune.storage.job_dir import JobDir
from hptune.trial.log import FIRST_BYTES, PART_BYTES, TrialLog
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TRIAL_FORM, TrialSpec

PRINTED_MB = 150
MAX_MEMORY_KB = 300 * 1024
LINES = "b'x' * 999 + b'\\n'"
PRINTS = f"""
import os
piece = PIECE
os.write(1, b"the first line\\n")
for _ in range({PRINTED_MB}):
    left = piece * (2**20 // len(piece))
    while left:
        left = left[os.write(1, left):]
os.write(1, b"\\naccuracy=0.5\\nthe last line\\n")
"""


def run(job_dir, script):
    """Runs a trial as a job does; returns the peak of its supervisor's memory in kB."""
    directory = job_dir.trial(1)
    directory.state.mkdir(parents=True)
    program = Program(command=(sys.executable, "-S", "-c", script))
    document = job_dir.root / "trial.json"
    document.write_text(TRIAL_FORM.text(TrialSpec("1", "job", "accuracy", program, directory)))
    with directory.log.open("ab") as log:
        command = [sys.executable, "-m", "hptune.trial", document]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    peak_kb = 0
    while process.poll() is None:
        # Not what wait4 says, which counts the tests' own memory from before the program's start.
        peak_kb = max(peak_kb, read_peak_kb(process.pid))
        time.sleep(0.02)
    assert process.returncode == 0, directory.log.read_bytes()[-2000:]
    assert peak_kb
    return peak_kb


def read_peak_kb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) if found else 0


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the peak of memory")
@pytest.mark.parametrize("piece", [LINES, "b'z'"], ids=["lines", "no line ends"])
def test_of_a_log_that_grows_too_long_the_start_and_the_end_are_kept(tmp_path, piece):
    job_dir = JobDir(tmp_path / "job")
    memory_kb = run(job_dir, PRINTS.replace("PIECE", piece))
    directory = job_dir.trial(1)
    assert memory_kb < MAX_MEMORY_KB
    assert Outcome.load(directory.outcome).final.value == 0.5
    assert directory.first_log.read_bytes()[:15] == b"the first line\n"
    assert directory.first_log.stat().st_size == FIRST_BYTES
    assert directory.log.read_bytes().endswith(b"\naccuracy=0.5\nthe last line\n")
    notice = directory.log.open("rb").readline()
    assert notice.startswith(b"hptune: the log was too long: the ")
    kept = sum(path.stat().st_size for path in directory.state.glob("log*"))
    assert PART_BYTES < kept < FIRST_BYTES + 2 * PART_BYTES + 2 * 2**20


def test_a_log_that_was_put_aside_is_followed_from_its_start_to_its_end(tmp_path):
    job_dir = JobDir(tmp_path / "job")
    run(job_dir, PRINTS.replace("PIECE", LINES))
    lines = [line.text for line in follow(job_dir, lambda: False)]
    assert (lines[0], lines[-1]) == ("the first line", "the last line")
    assert sum(line.startswith("hptune: the log was too long") for line in lines) == 2


def test_a_log_that_is_put_aside_while_it_is_followed_is_told_to_its_end(tmp_path):
    job_dir = JobDir(tmp_path)
    directory = job_dir.trial(1)
    directory.state.mkdir(parents=True)
    directory.log.write_text("one\ntwo\n")
    running = iter([True, False])
    lines = follow(job_dir, lambda: next(running))
    assert [next(lines).text, next(lines).text] == ["one", "two"]
    with directory.log.open("a") as log:
        log.write("three\n")
    directory.log.replace(directory.former_log)
    directory.log.write_text("four\n")
    assert [line.text for line in lines] == ["three", "four"]


def test_what_is_put_aside_is_kept_in_its_order(tmp_path):
    directory = JobDir(tmp_path).trial(1)
    directory.state.mkdir(parents=True)
    with directory.log.open("ab") as file:
        log = TrialLog(directory, file.fileno())
        for digit in b"0123":
            log.write(bytes([digit]) * (PART_BYTES + 1))
        log.write(b"end")
    assert directory.first_log.read_bytes() == b"0" * FIRST_BYTES
    assert directory.former_log.read_bytes().endswith(b"3" * (PART_BYTES + 1))
    notice, _, rest = directory.log.read_bytes().partition(b"\n")
    assert notice.startswith(b"hptune: the log was too long")
    assert rest == b"end"


@pytest.mark.parametrize("spoil", ["unlink", "mkdir"])
def test_a_log_that_its_trainer_has_removed_begins_anew_where_it_would_be_put_aside(tmp_path, spoil):
    directory = JobDir(tmp_path).trial(1)
    directory.state.mkdir(parents=True)
    with directory.log.open("ab") as file:
        log = TrialLog(directory, file.fileno())
        directory.log.unlink()
        if spoil == "mkdir":
            directory.log.mkdir()
        log.write(b"x" * (PART_BYTES + 1))
        log.write(b"end")
    assert directory.log.read_bytes().endswith(b"\nend")
