"""Jobs under clocks that are wrong, or set while a trial runs: libfaketime shows them to real processes."""

import json
import os
import subprocess
import sysconfig
from datetime import datetime
from pathlib import Path

import pytest
from killable_jobs import PATIENCE_S, KillableJob

from hptune.backends.local.backend import LocalBackend
from hptune.results.study import JobState

LIBRARIES = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1")]
SLEEP_S = 0.5
# An hour is 3,600 s: whatever a loaded machine adds is less.
MAX_DURATION_S = 1000
# The first trial sets the clock, unless it is to be left as it is.
BODY = f"""
import select
clock = os.environ["FAKETIME_TIMESTAMP_FILE"]
before = time.time()
if trial == 1 and os.path.exists(scratch + "/next"):
    os.replace(scratch + "/next", clock)
print(f"step=1 accuracy={{x / 2}}", flush=True)
# libfaketime breaks time.sleep.
select.select([], [], [], {SLEEP_S})
with open(scratch + "/moved", "a") as file:
    file.write(f"{{time.time() - before}}\\n")
print(f"step=2 accuracy={{x}}")
"""

pytestmark = pytest.mark.skipif(
    not LIBRARIES, reason="libfaketime is not installed (apt-get install faketime)"
)


def run(job, clock):
    settings = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        # As the kernel does it: only the wall clock is put right.
        "DONT_FAKE_MONOTONIC": "1",
    }
    script = Path(sysconfig.get_path("scripts")) / "hptune"
    command = [script, *job.argv[1:]]
    return subprocess.run(
        command,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("clock", "later", "moves_s"),
    [
        ("+0", "+1h", 3600),
        ("+0", "-1h", -3600),
        ("@2040-02-29 23:59:59", "", 0),
        ("@1970-01-01 00:00:10", "", 0),
    ],
    ids=["an hour ahead", "an hour back", "2040", "1970"],
)
def test_a_clock_changes_neither_how_long_a_trial_took_nor_what_becomes_of_it(
    tmp_path, processes, clock, later, moves_s
):
    limits = {"maxTrials": 3, "scheduling": {"maxRunningTime": "1800s"}}
    job = KillableJob(tmp_path / "x", processes, BODY, "--cold", **limits)
    file = tmp_path / "clock"
    file.write_text(clock)
    if later:
        (job.scratch / "next").write_text(later)
    result = run(job, file)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    moved = [float(line) for line in (job.scratch / "moved").read_text().split()]
    # The trainer has seen the clock move: the test tests something.
    assert abs(moved[0] - moves_s) < MAX_DURATION_S
    status = LocalBackend(job.root).describe()
    assert status.state is JobState.SUCCEEDED
    for trial in status.study.trials:
        assert trial.final.value == trial.parameters["x"]
        assert SLEEP_S <= trial.duration_s < MAX_DURATION_S
    for trial in json.loads((job.root / "results.json").read_text())["trainingOutput"]["trials"]:
        start, end = (datetime.fromisoformat(trial[name]) for name in ("startTime", "endTime"))
        assert SLEEP_S <= (end - start).total_seconds() < MAX_DURATION_S
