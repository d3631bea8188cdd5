"""What reports of the objective cost: a job's time with many of them, and the memory of who reads them.

    .venv/bin/python -m benchmarks.reports [COUNT ...]

Each job has one trial, whose trainer prints its objective COUNT times, or writes it to an event file. The
trainer alone is the same program without hptune, its output to a file. Added is what a job takes longer
than one with a single report, less the trainer's own time. Memory is the largest of any process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COUNTS = (20_000, 1_000_000)
TRAINERS = {
    "printed": "for step in range({count}): print(f'step={{step}} accuracy={{step / {count}}}')",
    "event file": """
import os, struct
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from hptune.trial.metrics.event_file import masked_crc32c
file = open(os.path.join(sys.argv[-1], 'events.out.tfevents.1'), 'wb')
for step in range({count}):
    value = Summary.Value(tag='accuracy', simple_value=step / {count})
    data = Event(wall_time=time.time(), step=step, summary=Summary(value=[value])).SerializeToString()
    length = struct.pack('<Q', len(data))
    checksums = [struct.pack('<I', masked_crc32c(each)) for each in (length, data)]
    file.write(length + checksums[0] + data + checksums[1])
file.close()
""",
}
JOB = {
    "trainingInput": {
        "hyperparameters": {
            "goal": "MAXIMIZE",
            "hyperparameterMetricTag": "accuracy",
            "maxTrials": 1,
            "params": [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}],
        }
    }
}

_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def main(counts: tuple[int, ...]) -> None:
    """Prints a table."""
    columns = ("reports", "how", "the trainer alone", "the job", "added", "memory", "kept")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for how, body in TRAINERS.items():
        idle_s, _, _ = _job(body.format(count=1))
        for count in counts:
            alone_s = _alone(body.format(count=count)) - _alone(body.format(count=1))
            job_s, memory_bytes, kept = _job(body.format(count=count))
            added_s = job_s - idle_s - alone_s
            print(
                f"| {count:,} | {how} | {alone_s:.1f} s | {job_s:.1f} s | {added_s:.1f} s "
                f"| {memory_bytes / 2**20:.0f} MiB | {kept:,} |",
                flush=True,
            )


def _alone(body: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(Path(folder), body) / "trainer" / "task.py"
        start_s = time.perf_counter()
        with Path(folder, "log").open("wb") as log:
            command = [sys.executable, "-u", str(trainer), folder]
            subprocess.run(command, check=True, stdout=log, env=_environment())
        return time.perf_counter() - start_s


def _job(body: str) -> tuple[float, int, int]:
    """Measures seconds, the largest process' bytes, and how many measurements are kept."""
    with tempfile.TemporaryDirectory() as folder:
        root = _trainer(Path(folder), body)
        (root / "hptune.yaml").write_text(json.dumps(JOB), encoding="utf-8")
        command = ["hptune", "run", "c", "--config=hptune.yaml", "--package-path=trainer"]
        command += ["--module-name=trainer.task", "--job-dir=out"]
        start_s = time.perf_counter()
        # In a process of its own, since what is told of memory is the most of all that a process waited for.
        wrapped = [sys.executable, "-c", _MEASURED, *command]
        result = subprocess.run(wrapped, check=True, cwd=root, env=_environment(), capture_output=True)
        seconds = time.perf_counter() - start_s
        memory = int(result.stdout.splitlines()[-1]) * 1024
        kept = (root / "out/hptune/trials/1/measurements.jsonl").read_text(encoding="utf-8").count("\n")
        return seconds, memory, kept


def _environment() -> dict[str, str]:
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {**os.environ, "PATH": os.pathsep.join(paths), "PYTHONPATH": str(Path(__file__).parents[1])}


def _trainer(root: Path, body: str) -> Path:
    (root / "trainer").mkdir()
    (root / "trainer" / "__init__.py").touch()
    (root / "trainer" / "task.py").write_text(f"import sys, time\n{body}\n", encoding="utf-8")
    return root


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or COUNTS)
