"""Trainers that print and report without bounds: hptune takes bounded memory, and the job goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.reliability import hostile
from benchmarks.reliability.job import Job, Tally
from hptune.storage.job_dir import JobDir

_BEGIN = """
import os, sys
MB = 2**20
x = sys.argv[sys.argv.index("--x") + 1]
output = sys.argv[sys.argv.index("--job-dir") + 1]
metrics = os.environ["CLOUD_ML_HP_METRIC_FILE"]
def report():
    os.makedirs(os.path.dirname(metrics), exist_ok=True)
    return open(metrics, "a")
"""
_END = """
with open(os.path.join(NOTES, "cpu"), "w") as own: own.write(str(sum(os.times()[:2])))
print(f"accuracy={x}")
"""

FLOODS = {
    "1 GB printed in lines": "for _ in range(1024): sys.stdout.write(('z' * 1023 + '\\n') * 1024)",
    "250 MB printed without a line's end": "for _ in range(250): sys.stdout.write('z' * MB)\nprint()",
    "250 MB of escape sequences": (
        "for _ in range(250): sys.stdout.write('\\x1b[2J\\x07\\0' * (MB // 6))\nprint()"
    ),
    "1,000,000 reports printed": "for i in range(10**6): print(f'step={i} accuracy=0.5')",
    "500 MB in the metric file": (
        "line = '{\"accuracy\": ' + x + ', \"pad\": \"' + 'z' * 980 + '\"}\\n'\n"
        "with report() as file:\n    for _ in range(500): file.write(line * 1024)"
    ),
    "500 MB of short reports in the metric file": (
        "line = '{\"accuracy\": ' + x + ', \"global_step\": 1}\\n'\n"
        "with report() as file:\n    for _ in range(500): file.write(line * (MB // len(line)))"
    ),
    "500 MB on a line of the metric file": (
        "with report() as file:\n    for _ in range(500): file.write('z' * MB)\n    file.write('\\n')"
    ),
    "a tag of 1 MB": (
        "with report() as file: file.write('{\"' + 'z' * MB + '\": 1, \"accuracy\": ' + x + '}\\n')"
    ),
    "an event file of 500 MB": (
        "with open(output + '/events.out.tfevents.1', 'wb') as file:\n"
        "    for _ in range(500): file.write(b'z' * MB)"
    ),
    "an event's length of 2**62": (
        "with open(output + '/events.out.tfevents.1', 'wb') as file:\n"
        "    file.write(b'\\xff' * 7 + b'\\x3f' + bytes(MB))"
    ),
    "a last word of 1 MB": "raise ValueError('z' * MB)",
    "a million lines of last words": "print('z\\n' * 10**6, file=sys.stderr)\nsys.exit(3)",
}
"""What each trainer does, by what it is called."""

_FAILS = frozenset({"a last word of 1 MB", "a million lines of last words"})
_LOG_BYTES = 80_000_000
_SHOWN = 200


def try_all(floods: Mapping[str, str], folder: Path, tally: Tally) -> tuple[int, str]:
    """Runs a job of each; returns how many there were, and how it ended in words."""
    slowest, largest = (0.0, ""), (0.0, "")
    for number, (what, deed) in enumerate(floods.items()):
        own = folder / str(number)
        job = Job(own, tally, trials=1, trainer=f"{_BEGIN}{deed}{_END}")
        ended = hostile.run(job.command, own)
        own_s = job.note("cpu")
        cpu_s = ended.cpu_s - float(own_s or 0)
        slowest, largest = max(slowest, (cpu_s, what)), max(largest, (ended.peak_mib, what))
        tally.unexpected += [f"{what}: {problem}" for problem in _problems(ended, cpu_s, job, what in _FAILS)]
        tally.tracebacks += "Traceback (most recent call last)" in ended.output
        shutil.rmtree(job.root)
    times = f"no job took more than {slowest[0]:.1f} s of CPU time beside its trainer's own ({slowest[1]})"
    return len(floods), f"{times}, and no process of it more than {largest[0]:.0f} MiB ({largest[1]})"


def _problems(ended: hostile.Ended, cpu_s: float, job: Job, fails: bool) -> Iterator[str]:
    if ended.code != int(fails):
        yield f"exit code {ended.code}: {ended.output[-_SHOWN:]!r}"
    if cpu_s > hostile.LIMIT_S:
        yield f"{cpu_s:.1f} s of CPU time"
    if ended.peak_mib > hostile.LIMIT_MIB:
        yield f"{ended.peak_mib:.0f} MiB"
    if len(ended.output) > hostile.LONGEST_OUTPUT:
        yield f"{len(ended.output):,} characters were printed"
    if (size := JobDir(job.root).trial(1).log.stat().st_size) > _LOG_BYTES:
        yield f"a log of {size:,} bytes"
