"""What an earlier run left is never taken for what the present trainer does."""

import json
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.cases.small_jobs import PACKAGE, needs_shared, shared_case

HPTUNE = str(Path(sys.executable).with_name("hptune"))
PRINT_X = "a = parser.parse_args(); print(f'score={a.x}')\n"
FAIL = "sys.exit('broken')\n"


def leave_untold(folder, trial, exit_code, message, final=None):
    """A trial that ended, in the journal still running: hptune was stopped in between."""
    journal = folder.path / "out" / "hptune" / "study.journal"
    lines = journal.read_text().splitlines()
    # 6 is the operation that sets a trial's state; the last one told how the last trial ended.
    told = max(i for i, line in enumerate(lines) if json.loads(line)["op_code"] == 6)
    for path in (journal, journal.with_name("study.journal.copy")):
        path.write_text("".join(f"{line}\n" for line in lines[:told]))
    outcome = {
        "exit_code": exit_code,
        "final": final,
        "message": message,
        "start_time_s": 1.0,
        "end_time_s": 2.0,
        "timed_out": False,
    }
    state = folder.path / "out" / "hptune" / "trials" / str(trial)
    (state / "outcome.json").write_text(json.dumps(outcome))


@pytest.mark.parametrize(
    ("exit_code", "message"),
    [(1, "exited with code 1"), (-11, "killed by SIGSEGV"), (0, "reported no 'score'")],
)
def test_a_failure_that_nobody_was_told_of_is_run_again(folder, exit_code, message):
    folder.write_job(maxTrials=2)
    folder.write_trainer(FAIL)
    assert folder.run().code == 1
    leave_untold(folder, 1, exit_code, message)
    folder.write_trainer(PRINT_X)
    ended = folder.run()
    assert ended.code == 0, ended.err
    assert {trial["state"] for trial in folder.trials().values()} == {"SUCCEEDED"}


def test_a_success_that_nobody_was_told_of_is_not_run_again(folder):
    folder.write_job(maxTrials=1)
    folder.write_trainer(PRINT_X)
    assert folder.run().code == 0
    leave_untold(folder, 1, 0, "", {"value": 0.25, "step": 3})
    assert folder.run().code == 0
    assert folder.trials()[1]["finalMetric"] == {"trainingStep": "3", "objectiveValue": 0.25}


@pytest.mark.parametrize("max_trials", [1, 2])
def test_a_job_whose_trials_have_all_failed_runs_again_once_it_is_mended(folder, max_trials):
    folder.write_job(maxTrials=max_trials, maxFailedTrials=9)
    folder.write_trainer(FAIL)
    assert folder.run().code == 1
    folder.write_trainer(PRINT_X)
    ended = folder.run()
    assert ended.code == 0, ended.err
    states = [trial["state"] for _, trial in sorted(folder.trials().items())]
    assert states == ["FAILED"] * max_trials + ["SUCCEEDED"] * max_trials


def test_a_finished_job_says_that_nothing_was_run_and_of_when_its_results_are(folder):
    folder.write_job(maxTrials=2)
    folder.write_trainer(PRINT_X)
    assert "nothing was run" not in folder.run().err
    ended = json.loads((folder.path / "out" / "hptune" / "status.json").read_text())["time"]
    time.sleep(1.1)
    again = folder.run()
    assert again.code == 0
    (when,) = re.findall(r"nothing was run: all trials of this job had ended by (.+);", again.err)
    assert time.mktime(time.strptime(when, "%Y-%m-%d %H:%M:%S")) < time.time() - 1
    assert json.loads((folder.path / "out" / "hptune" / "status.json").read_text())["time"] == ended
    assert "files have changed" not in again.err


@pytest.mark.parametrize("changed", ["task.py", "model.py", "settings.json"])
def test_a_trainer_that_has_changed_is_told_apart(folder, changed):
    folder.write_job(maxTrials=2)
    folder.write_trainer(PRINT_X)
    assert folder.run().code == 0
    with (folder.path / "trainer" / changed).open("a") as file:
        file.write("\n")
    again = folder.run()
    assert again.code == 0
    assert "the trainer's files have changed since trials 1, 2, which still count" in again.err
    assert f"to start afresh: rm -r {folder.path}/out" in again.err


def test_what_a_trainer_leaves_in_its_package_when_it_runs_is_no_change(folder):
    folder.write_job(maxTrials=1)
    folder.write_trainer("from trainer import other\n" + PRINT_X)
    (folder.path / "trainer" / "other.py").touch()
    assert folder.run().code == 0
    (folder.path / "trainer" / "__pycache__").mkdir(exist_ok=True)
    (folder.path / "trainer" / "__pycache__" / "other.cpython-311.pyc").write_bytes(b"x")
    assert "files have changed" not in folder.run().err


def test_a_command_that_has_changed_is_told_apart(folder):
    (folder.path / "run.sh").write_text("echo score=1\n")
    folder.write_job(training={"masterConfig": {"containerCommand": ["sh", "run.sh"]}})
    assert folder.run(flags="").code == 0
    (folder.path / "run.sh").write_text("echo score=2\n")
    assert "the trainer's files have changed since trial 1, " in folder.run(flags="").err


def write_wheel(folder, score):
    with zipfile.ZipFile(folder.path / "scorer-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("scorer/__init__.py", "")
        wheel.writestr("scorer/task.py", f"print('score={score}')\n")
        wheel.writestr("scorer-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: scorer\nVersion: 1\n")
        wheel.writestr(
            "scorer-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("scorer-1.dist-info/RECORD", "")


def test_an_archive_whose_content_has_changed_is_installed_again(folder):
    flags = "--packages scorer-1-py3-none-any.whl --module-name scorer.task"
    folder.write_job(maxTrials=1)
    write_wheel(folder, "'nan'")
    assert folder.run(flags=flags).code == 1
    write_wheel(folder, 2)
    ended = folder.run(flags=flags)
    assert ended.code == 0, ended.err
    assert folder.trials()[2]["finalMetric"]["objectiveValue"] == 2


@pytest.mark.parametrize("body", ["print('done')\n", "print('score=nan')\n", "print('score=inf')\n"])
def test_a_trial_without_a_usable_objective_has_not_succeeded(folder, body):
    folder.write_job(maxTrials=2)
    folder.write_trainer("if os.environ['CLOUD_ML_TRIAL_ID'] == '1': print('score=1'); sys.exit()\n" + body)
    assert folder.run().code == 0
    assert [folder.trials()[i]["state"] for i in (1, 2)] == ["SUCCEEDED", "FAILED"]
    results = json.loads((folder.path / "out" / "results.json").read_text())["trainingOutput"]
    assert results["completedTrialCount"] == "1"


@needs_shared
@pytest.mark.parametrize("delay_s", [0, 0.3])
def test_the_shared_job_runs_once_its_trainer_is_mended(tmp_path, delay_s):
    case = shared_case("stale_failure", tmp_path)
    task = case.path / "trainer" / "task.py"
    task.write_text(task.read_text().replace("BROKEN = False", "BROKEN = True"))
    command = [HPTUNE, "run", "c", "--config", "hptune.yaml", *PACKAGE.split()]
    first = subprocess.Popen(command, cwd=case.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while first.poll() is None and not [*case.path.glob("*/*/hptune/trials/1")]:
        time.sleep(0.01)
    time.sleep(delay_s)
    first.send_signal(signal.SIGINT)
    first.wait(30)
    task.write_text(task.read_text().replace("BROKEN = True", "BROKEN = False"))
    second = subprocess.run(command, cwd=case.path, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
