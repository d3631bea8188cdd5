"""Breaks jobs and counts what comes of it: ``python -m benchmarks.reliability KIND... [--times 200]``.

    .venv/bin/python -m benchmarks.reliability all

Each kind prints its row, keeps it in benchmarks/results/reliability.jsonl and writes docs/reliability.md
anew. The exit code is 1 where something did not end as is promised. Linux alone: it looks into /proc.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.reliability import floods, hostile, journals, kills, load, set_up, suites
from benchmarks.reliability.data_files import DATA_FILES
from benchmarks.reliability.job import Tally
from benchmarks.reliability.job_files import JOB_FILES
from benchmarks.reliability.record import Row, keep, write_page

TIMES = 200

T = TypeVar("T")

Measure = Callable[[str, int, Path], Row]
"""Tries a kind so often in a folder."""


def _command(kind: str, times: int) -> str:
    return f"python -m benchmarks.reliability {kind} --times {times}"


def of_kills(kind: str, times: int, folder: Path) -> Row:
    """Kills processes of one role."""
    fault, break_it, wait_s = kills.ROLES[kind]
    tally = Tally()
    tried = kills.run(break_it, wait_s, times, folder, tally)
    return row_of(kind, fault, tried, tally, _command(kind, times))


def of_signals(kind: str, times: int, folder: Path) -> Row:
    """Sends hptune signals in turn."""
    tally = Tally()
    names = ", ".join(number.name.removeprefix("SIG") for number in kills.SIGNALS)
    tried = kills.run(kills.Signals(), kills.SIGNALS_WAIT_S, times, folder, tally)
    return row_of(kind, f"a signal to hptune: {names}", tried, tally, _command(kind, times))


def of_set_up(kind: str, times: int, folder: Path) -> Row:
    """Kills pip, or hptune while pip runs."""
    tally = Tally()
    set_up.make_wheel(folder)
    tried = kills.run(set_up.break_set_up, set_up.WAIT_S, times, folder, tally, set_up.make_job)
    fault = "`kill -9` of pip, or of hptune while pip makes the trainer's environment"
    return row_of(kind, fault, tried, tally, _command(kind, times))


def of_cuts(kind: str, times: int, folder: Path) -> Row:
    """Cuts the journal at every byte of its last records, however often is asked for."""
    del times
    tally = Tally()
    tried = journals.try_all(folder / "job", tally, journals.cuts)
    fault = "the journal cut at every byte of its last 8 records: alone, as it was written to, with its copy"
    return row_of(kind, fault, tried, tally, f"python -m benchmarks.reliability {kind}")


def of_changes(kind: str, times: int, folder: Path) -> Row:
    """Changes the journal or its copy, twenty times as often as is asked for: each takes a moment."""
    tally = Tally()
    places = times * journals.CHANGES_A_TIME
    tried = journals.try_all(folder / "job", tally, partial(journals.changes, times=places))
    fault = "a byte of the journal, or of its copy, changed"
    return row_of(kind, fault, tried, tally, _command(kind, times))


def of_job_files(kind: str, times: int, folder: Path) -> Row:
    """Validates hostile job files, each once."""
    del times
    return _of_files(kind, "a hostile job file", hostile.try_job_files, JOB_FILES, folder)


def of_data_files(kind: str, times: int, folder: Path) -> Row:
    """Preprocesses hostile data files, each once."""
    del times
    return _of_files(kind, "a hostile data file", hostile.try_data_files, DATA_FILES, folder)


def of_floods(kind: str, times: int, folder: Path) -> Row:
    """Runs trainers that print and report without bounds, each once."""
    del times
    fault = "a trainer that prints, or reports, without bounds"
    return _of_files(kind, fault, floods.try_all, floods.FLOODS, folder)


def of_load(kind: str, times: int, folder: Path) -> Row:
    """Runs a job of many trials, fifty times as many as is asked for: each takes a moment."""
    tried, ended, unexpected = load.try_load(times * load.TRIALS_A_TIME, folder)
    fault = "trials without end in one job"
    return Row(kind, fault, tried, ended, _command(kind, times), unexpected=tuple(unexpected))


def _of_files(
    kind: str,
    fault: str,
    try_all: Callable[[Mapping[str, T], Path, Tally], tuple[int, str]],
    files: Mapping[str, T],
    folder: Path,
) -> Row:
    tally = Tally()
    tried, ended = try_all(files, folder, tally)
    return Row(
        kind,
        fault,
        tried,
        ended,
        f"python -m benchmarks.reliability {kind}",
        tracebacks=tally.tracebacks,
        unexpected=tuple(tally.unexpected),
    )


def of_suite(kind: str, times: int, folder: Path) -> Row:
    """Runs tests that make faults, each once."""
    del times, folder
    suite = suites.SUITES[kind]
    outcome = suites.run(suite)
    if outcome.failed:
        print(outcome.lines, file=sys.stderr)
    tests = f"{outcome.passed} tests passed" if outcome.passed > 1 else "the test passed"
    skipped = f", {outcome.skipped} could not run here" if outcome.skipped else ""
    return Row(
        kind,
        suite.fault,
        suite.tried or outcome.passed,
        f"{tests}{skipped}: {suite.ended}",
        f"python -m benchmarks.reliability {kind}",
        unexpected=tuple([f"{outcome.failed} tests of {suite.path} failed"] if outcome.failed else []),
    )


def row_of(kind: str, fault: str, tried: int, tally: Tally, command: str) -> Row:
    """Makes a row of what was counted over jobs."""
    jobs = f"{tally.jobs} jobs" if tally.jobs > 1 else "1 job"
    ended = f"{jobs}, taken up to the end by the same command"
    if tally.failed_trials:
        ended += f"; {tally.failed_trials} trials failed, killed twice"
    return Row(
        kind,
        fault,
        tried,
        ended,
        command,
        lost=tally.lost,
        doubled=tally.doubled,
        orphans=tally.orphans,
        tracebacks=tally.tracebacks,
        unexpected=tuple(tally.unexpected),
    )


KINDS: dict[str, Measure] = {
    **dict.fromkeys(kills.ROLES, of_kills),
    "pip": of_set_up,
    "signals": of_signals,
    "journal-cut": of_cuts,
    "journal-changed": of_changes,
    "job-files": of_job_files,
    "data-files": of_data_files,
    "floods": of_floods,
    "load": of_load,
    **dict.fromkeys(suites.SUITES, of_suite),
}


def main() -> None:
    """Tries what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="+", choices=["all", *KINDS], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--times", type=int, default=TIMES, help="how often")
    parser.add_argument("--only-print", action="store_true", help="keep nothing")
    asked = parser.parse_args()
    # What ends by SIGQUIT leaves no image of its memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    good = True
    for kind in KINDS if "all" in asked.kinds else asked.kinds:
        with tempfile.TemporaryDirectory(prefix="hptune-reliability-") as folder:
            row = KINDS[kind](kind, asked.times, Path(folder))
        print(row.markdown(), *(f"  {each}" for each in row.unexpected), sep="\n", flush=True)
        good = good and row.good
        if not asked.only_print:
            keep(row)
            write_page(KINDS)
    sys.exit(not good)


if __name__ == "__main__":
    main()
