"""What the page of all faults is made of: jobs are broken for real, and what goes wrong is counted."""

import json
import shutil
import signal
import sys

import pytest

from benchmarks.page import write_section
from benchmarks.reliability import hostile, journals, kills, record
from benchmarks.reliability.data_files import DATA_FILES
from benchmarks.reliability.job import Job, Tally
from benchmarks.reliability.job_files import JOB_FILES
from benchmarks.reliability.record import Row

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

TRIALS = 3


@pytest.fixture
def tally():
    return Tally()


@pytest.fixture
def job(tmp_path, tally):
    """A job that has ended."""
    made = Job(tmp_path / "x", tally, trials=TRIALS)
    made.end(made.start())
    assert tally == Tally(jobs=1)
    return made


def test_jobs_that_are_killed_lose_nothing(tmp_path, tally):
    for kind in ("hptune", "trainer"):
        _, break_it, _ = kills.ROLES[kind]
        assert kills.run(break_it, (0.5, 1.5), 2, tmp_path / kind, tally) == 2
    assert tally == Tally(jobs=tally.jobs, failed_trials=tally.failed_trials)


def test_a_trial_that_is_lost_one_that_runs_again_and_a_traceback_are_counted(job, tally):
    shutil.rmtree(job.root)
    log = job.root.with_name("output.txt")
    log.write_text(f"{log.read_text()}Traceback (most recent call last):\n  File x\nValueError: y\n")
    job.end(job.start())
    assert (tally.doubled, tally.tracebacks) == (TRIALS, 1)
    assert tally.lost == TRIALS, "each is there again, and measured at another time"


def test_a_process_that_is_left_and_an_end_that_is_not_promised_are_counted(tmp_path, tally):
    job = Job(tmp_path / "x", tally, trials=1)
    command = [sys.executable, "-c", "import subprocess as s; s.Popen(['sleep', '600']); exit(7)"]
    job.command = command
    job.patience_s = 1.0
    job.end(job.start())
    assert tally.orphans == 1
    assert tally.unexpected[0].startswith("exit code 7")


def test_a_journal_is_cut_at_every_byte_of_its_last_records_and_changed_anywhere(job):
    written = (job.root / "hptune" / "study.journal").read_bytes()
    cuts = [*journals.cuts(written)]
    last = sum(len(line) for line in written.splitlines(keepends=True)[-8:])
    assert len(cuts) == 3 * last
    ended = {len(cut.ended) for cut in cuts}
    assert min(ended) < max(ended) == TRIALS
    for damage in journals.changes(written, 50):
        assert sum(one != other for one, other in zip(damage.journal, damage.copy, strict=True)) == 1


def test_a_job_is_read_whatever_becomes_of_its_journal(tmp_path, tally):
    assert journals.try_all(tmp_path / "x", tally, lambda written: [*journals.cuts(written)][::200])
    assert tally == Tally(jobs=1)


def test_there_are_as_many_hostile_files_as_the_page_promises():
    assert len(JOB_FILES) >= 60
    assert len(DATA_FILES) >= 40
    assert len(kills.SIGNALS) == len(set(kills.SIGNALS)) == 8
    assert signal.SIGKILL in kills.SIGNALS


def test_hostile_files_are_refused(tmp_path, tally):
    few = {name: JOB_FILES[name] for name in ("a billion lists", "8,000 discreteValues")}
    tried, ended = hostile.try_job_files(few, tmp_path / "jobs", tally)
    assert (tried, ended[:40]) == (2, "2 refused with exit code 2, 0 accepted; ")
    few = {name: DATA_FILES[name] for name in ("a pickle that calls eval", "an npz of paths")}
    assert hostile.try_data_files(few, tmp_path / "data", tally)[0] == 2
    assert tally == Tally()


def test_a_file_that_is_run_takes_too_much_or_gives_a_traceback_is_counted(tmp_path):
    ended = hostile.Ended(1, 11.0, 301.0, "\x1b[2J")
    (tmp_path / hostile.PWNED).touch()
    assert hostile.problems(ended, tmp_path) == [
        "exit code 1: '\\x1b[2J'",
        "11.0 s of CPU time",
        "301 MiB",
        "was run",
        "control characters were printed",
    ]


def test_the_memory_of_a_command_is_its_own(tmp_path):
    small = hostile.run([sys.executable, "-c", "print('x')"], tmp_path)
    large = hostile.run([sys.executable, "-c", "x = bytearray(200 * 2**20); exit(3)"], tmp_path)
    assert (small.code, small.output, large.code) == (0, "x\n", 3)
    assert small.peak_mib < 100 < 200 < large.peak_mib < 300


def test_the_page_has_the_last_row_of_each_kind(tmp_path):
    kept, page = tmp_path / "kept.jsonl", tmp_path / "page.md"
    record.keep(Row("x", "cut", 2, "badly", "make x", lost=1, date="2026-01-01"), kept)
    record.keep(Row("y", "changed", 4000, "well", "make y", date="2026-01-02"), kept)
    good = Row("x", "cut", 3, "well", "make x", lost=0, doubled=0, orphans=0, date="2026-01-02")
    record.keep(good, kept)
    assert [json.loads(line)["tried"] for line in kept.read_text().splitlines()] == [2, 4000, 3]
    rows = record.latest(kept)
    assert rows["x"] == good
    assert good.good
    page.write_text("before\n<!-- reliability -->\nold\n<!-- /reliability -->\nafter\n")
    write_section("reliability", record.table(rows.values()), page)
    assert page.read_text() == (
        "before\n<!-- reliability -->\nOf 2026-01-02.\n\n"
        "| fault | times | lost | doubled | orphans | tracebacks | how it ended | command |\n"
        "|---|---|---|---|---|---|---|---|\n"
        "| cut | 3 | 0 | 0 | 0 | 0 | well | `make x` |\n"
        "| changed | 4,000 |  |  |  | 0 | well | `make y` |\n"
        "<!-- /reliability -->\nafter\n"
    )


def test_what_is_not_as_promised_stands_out():
    row = Row("x", "cut", 3, "well", "make x", unexpected=("exit code 1",))
    assert not row.good
    assert "| well; **not as promised: 1** |" in row.markdown()
