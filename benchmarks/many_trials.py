"""Runs a job of many real trials of a trivial trainer: does a trial cost more, and does hptune grow?

    .venv/bin/python -m benchmarks.many_trials [--trials 1000] [--only-print]

Unlike in benchmarks.scale, each trial is a process that prints its objective and ends. Linux alone: the
memory is looked up in /proc.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.overhead import job_command, trial_ends
from benchmarks.page import write_section

TRAINER = """
import sys
print("accuracy=" + sys.argv[sys.argv.index("--x") + 1])
"""
_LOOK_S = 0.5
_RESIDENT = re.compile(r"^VmRSS:\s*(\d+) kB", re.MULTILINE)
_KIB_A_MIB = 1024


def run(trials: int, folder: Path) -> tuple[list[float], list[tuple[float, float]]]:
    """Runs the job.

    Returns:
        When each trial ended, and (time, MiB) of the memory that hptune had; times in s since the epoch.
    """
    (folder / "task.py").write_text(TRAINER)
    command = job_command(trials, folder)
    memory = []
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            if found := _RESIDENT.search(status.read_text(encoding="ascii")):
                memory.append((time.time(), int(found[1]) / _KIB_A_MIB))
            time.sleep(_LOOK_S)
    if process.returncode:
        raise SystemExit((folder / "output.txt").read_text()[-2000:])
    return trial_ends(folder), memory


def table(ends: Sequence[float], memory: Sequence[tuple[float, float]]) -> str:
    """Compares a tenth of the trials with another: what each took, and hptune's memory at their end."""
    seconds = [after - before for before, after in pairwise(ends)]
    part = max(1, len(ends) // 10)
    windows = {"the first tenth": (0, part), "the last tenth": (len(seconds) - part, len(seconds))}
    lines = ["| trials | each, mean | median | memory at the end |", "|---|---|---|---|"]
    for name, (begin, end) in windows.items():
        taken = seconds[begin:end]
        resident = next((mib for when, mib in reversed(memory) if when <= ends[end]), memory[0][1])
        mean, median = statistics.mean(taken), statistics.median(taken)
        lines.append(f"| {name}, {len(taken):,} | {mean:.3f} s | {median:.3f} s | {resident:.0f} MiB |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures, prints the table, and writes it to docs/benchmarks.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--only-print", action="store_true", help="leave docs/benchmarks.md as it is")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = table(*run(asked.trials, Path(folder)))
    print(text)
    if not asked.only_print:
        write_section("many-trials", text)


if __name__ == "__main__":
    main()
