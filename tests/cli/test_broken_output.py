"""Jobs whose output nobody reads, as a shell makes them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hptune.console.output import outliving_readers
from tests.entry_point import write_job

JOB_FILE = """\
trainingInput:
  hyperparameters:
    goal: MINIMIZE
    hyperparameterMetricTag: loss
    maxTrials: 1
    params: [{parameterName: x, type: DOUBLE, minValue: 0.0, maxValue: 1.0}]
"""
TRAINER = "import sys\nprint('loss=' + sys.argv[sys.argv.index('--x') + 1])\n"
COMMAND = f"{shlex.quote(sys.executable)} -m hptune run j --config hptune.yaml --module-name trainer.task"


def told(stream, reason):
    return f"hptune: warning: {stream} cannot be written to ({reason}); the job goes on\n"


@pytest.mark.parametrize(
    "redirection",
    [
        "2>&1 | head -n 2; exit ${PIPESTATUS[0]}",
        ">/dev/full 2>/dev/full",
        "2>&-",
        ">&- 2>&-",
    ],
)
def test_a_job_outlives_whoever_reads_what_it_prints(tmp_path, redirection):
    write_job(tmp_path, TRAINER, JOB_FILE)
    ended = subprocess.run(
        ["bash", "-c", f"{COMMAND} --job-dir out -- {redirection}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())["trainingOutput"]
    assert results["completedTrialCount"] == "1"
    status = json.loads((tmp_path / "out" / "hptune" / "status.json").read_text())
    assert status["state"] == "SUCCEEDED"
    if redirection == "2>&-":
        assert (
            "hptune: warning: standard error cannot be written to (it is closed); the job goes on"
            in ended.stdout
        )


def test_the_stream_that_still_works_tells_of_the_other(monkeypatch, capfd):
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        with outliving_readers():
            print("a result")
            sys.stdout.flush()
            print("another")
    told = (
        "hptune: warning: standard output cannot be written to (No space left on device); the job goes on\n"
    )
    assert capfd.readouterr().err == told
