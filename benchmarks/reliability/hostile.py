"""Gives commands hostile files: refused or read, within bounds, and nothing of them is run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.job import Tally

Content = str | bytes | Callable[[], bytes]
"""What is in a file; a function for what is large."""

PWNED = "pwned"
"""The file that a hostile one leaves in the working directory, were it run."""

LIMIT_S = 10.0
LIMIT_MIB = 300.0

LONGEST_OUTPUT = 200_000
"""As many characters as a command may print of a hostile file."""

_HPTUNE = str(Path(sys.executable).with_name("hptune"))
_GIVEN_UP_S = 300
# A process begins with the memory of the one that starts it, as far as the system counts; this one is small.
_MEASURE = """
import json, os, signal, sys
limit_s, measured, *command = sys.argv[1:]
pid = os.fork()
if pid == 0:
    os.execv(command[0], command)
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
signal.alarm(int(limit_s))
_, status, used = os.wait4(pid, 0)
with open(measured, "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss], file)
"""
_KIB_A_MIB = 1024
_REFUSED = 2
_GOOD_CODES = (0, _REFUSED)
# What a terminal would act upon.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHOWN = 200


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code, minus the signal's number where one ended it.
        cpu_s: The CPU time that it took, in seconds.
        peak_mib: The most memory that it had, in MiB.
        output: What it printed.
    """

    code: int
    cpu_s: float
    peak_mib: float
    output: str


def run(command: Sequence[str], folder: Path) -> Ended:
    """Runs a command in a folder to its end."""
    output, measured = folder / "output.txt", folder / "measured.json"
    with output.open("wb") as file:
        measuring = [sys.executable, "-I", "-S", "-c", _MEASURE, str(_GIVEN_UP_S), str(measured), *command]
        subprocess.run(measuring, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=True)
    code, cpu_s, peak_kib = json.loads(measured.read_text())
    text = output.read_text(encoding="utf-8", errors="replace")
    return Ended(code, cpu_s, peak_kib / _KIB_A_MIB, text)


def try_job_files(files: Mapping[str, Content], folder: Path, tally: Tally) -> tuple[int, str]:
    """Validates each; returns how many there were, and how it ended in words."""

    def command(path: Path) -> list[str]:
        return [_HPTUNE, "validate", path.name]

    return _try_all(files, "hptune.yaml", command, folder, tally)


def try_data_files(files: Mapping[str, Content], folder: Path, tally: Tally) -> tuple[int, str]:
    """Preprocesses each; returns how many there were, and how it ended in words."""

    def command(path: Path) -> list[str]:
        return [_HPTUNE, "preprocess", path.name, "--tune-file=tune.npz", "--final-file=final.npz"]

    return _try_all(files, "data", command, folder, tally)


def _bytes(content: Content) -> bytes:
    if callable(content):
        return content()
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _try_all(
    files: Mapping[str, Content],
    name: str,
    command: Callable[[Path], list[str]],
    folder: Path,
    tally: Tally,
) -> tuple[int, str]:
    slowest, largest, refused = (0.0, ""), (0.0, ""), 0
    for number, (what, content) in enumerate(files.items()):
        own = folder / str(number)
        own.mkdir(parents=True)
        path = own / name
        path.write_bytes(_bytes(content))
        ended = run(command(path), own)
        path.unlink()
        refused += ended.code != 0
        slowest, largest = max(slowest, (ended.cpu_s, what)), max(largest, (ended.peak_mib, what))
        tally.unexpected += [f"{what}: {problem}" for problem in problems(ended, own)]
        tally.tracebacks += "Traceback (most recent call last)" in ended.output
    most = f"at most {slowest[0]:.1f} s of CPU time ({slowest[1]}) and {largest[0]:.0f} MiB ({largest[1]})"
    return len(files), f"{refused} refused with exit code 2, {len(files) - refused} accepted; {most}"


def problems(ended: Ended, folder: Path) -> list[str]:
    """Returns what is not as it is promised of a command that was given a hostile file in a folder."""
    found = []
    if ended.code not in _GOOD_CODES:
        found.append(f"exit code {ended.code}: {ended.output[-_SHOWN:]!r}")
    if ended.code == _REFUSED and not ended.output.strip():
        found.append("refused without a word")
    if ended.cpu_s > LIMIT_S:
        found.append(f"{ended.cpu_s:.1f} s of CPU time")
    if ended.peak_mib > LIMIT_MIB:
        found.append(f"{ended.peak_mib:.0f} MiB")
    if (folder / PWNED).exists():
        found.append("was run")
    if len(ended.output) > LONGEST_OUTPUT:
        found.append(f"{len(ended.output):,} characters were printed")
    if _CONTROL.search(ended.output):
        found.append("control characters were printed")
    return found
