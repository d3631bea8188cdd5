"""The whole pipeline on this machine: real steps, real trials, a trainer that takes a moment."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAINER = Path(__file__).parent / "tiny"
JOB = """\
trainingInput:
  hyperparameters:
    goal: MINIMIZE
    hyperparameterMetricTag: loss
    maxTrials: 9
    maxFailedTrials: 2
    params:
    - {parameterName: x, type: DOUBLE, minValue: 0, maxValue: 10}
"""
PATIENCE_S = 60


def start(folder, *user_args, flags=(), stderr=subprocess.PIPE):
    """Starts the pipeline in ``folder``, as a person at another place than the checkout would."""
    config = folder / "hptune.yaml"
    config.write_text(JOB)
    command = [
        sys.executable,
        "-m",
        "pipelines",
        "run",
        "--data",
        "digits",
        "--config",
        str(config),
    ]
    trainer = ["--package-path", str(TRAINER), "--module-name", "tiny.task", "--data-flag", "--input"]
    where = ["--job-dir", "jobs/tiny", "--max-trials", "3", *flags]
    return subprocess.Popen(
        [*command, *trainer, *where, "--", "--begun", str(folder / "begun"), *user_args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def finish(process):
    """Waits for it: exit code, standard output, standard error."""
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return process.returncode, stdout, stderr


def begun(folder):
    """The trials that trainers were started for, in order, and their processes."""
    path = folder / "begun"
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(map(int, line.split())) for line in lines]


def trials_begun(folder):
    return [trial for trial, _ in begun(folder)]


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run whose second trial fails, which maxFailedTrials allows.

    kfp's subprocess runner would write the interpreter's path for the python3 in the folder's name.
    """
    folder = tmp_path_factory.mktemp("python3-things")
    return (folder, *finish(start(folder, "--fail", "2")))


def test_all_steps_run_and_are_shown_as_they_go(finished):
    folder, code, _, stderr = finished
    assert code == 0, stderr
    assert re.findall(r"^(\w+):$", stderr, re.MULTILINE) == [
        "download",
        "preprocess",
        "tune",
        "train",
        "report",
    ]
    assert re.search(r"^  trial 1/3 SUCCEEDED 4 at step 7", stderr, re.MULTILINE)
    before_its_trials = stderr.partition("  trial 1/3 runs")[0]
    # A command that works in the shell where the pipeline was started, whose search path is not the steps'.
    program = Path(sys.executable).with_name("hptune")
    assert f"  watch: {program} describe {folder}/jobs/tiny --watch\n" in before_its_trials
    assert "  rows: 400 train, 801 validation, 596 test\n" in stderr
    assert "KFP" not in stderr
    assert "Warning" not in stderr


def test_the_end_shows_table_best_test_measurement_and_report(finished):
    folder, _, stdout, _ = finished
    assert "tiny: minimize loss" in stdout
    best = re.search(r"^best: trial (\d), loss (\S+) with x=(\S+)$", stdout, re.MULTILINE)
    assert float(best[2]) == pytest.approx((float(best[3]) - 3) ** 2, rel=1e-4)
    assert re.search(rf"^test loss: {re.escape(best[2])}$", stdout, re.MULTILINE)
    report = Path(re.search(r"^report: (.*)$", stdout, re.MULTILINE)[1])
    assert report.read_text().startswith("<!DOCTYPE html>")
    model = Path(re.search(r"^model: +(.*)$", stdout, re.MULTILINE)[1])
    assert (model / "model.txt").read_text() == str(float(best[3]))
    assert folder in report.parents
    [summary] = report.parent.glob("report/summary")
    text = summary.read_text().replace("\\", "")
    assert text.startswith("# tiny: loss ")
    # kfp's own name of the run.
    assert f"| Run | {report.parent.name} |" in text


def test_the_tune_steps_artifact_says_where_the_job_is(finished):
    folder, *_ = finished
    [job] = folder.glob("local_outputs/*/tune/job")
    assert job.read_text().strip() == str(folder / "jobs" / "tiny")


def test_what_is_missing_is_named_together(tmp_path):
    command = [sys.executable, "-m", "pipelines", "run"]
    result = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"hptune: {option}: is missing" for option in ("--data", "--config", "--name")
    ]


def test_a_failed_trial_that_is_allowed_is_named_with_its_log(finished):
    _, _, stdout, stderr = finished
    assert re.search(r"2 │ +- .*FAILED: exited with code 1", stdout)
    log = re.search(r"trial 2 failed, exited with code 1; its log is (\S+)", stderr)[1]
    assert "out of luck\n" in Path(log).read_text()


def test_the_final_training_gets_the_data_with_the_test_part(finished):
    folder, _, stdout, _ = finished
    model = Path(re.search(r"^model: +(.*)$", stdout, re.MULTILINE)[1])
    final = (model / "hptune" / "log.txt").read_text()
    trial = (folder / "jobs/tiny/hptune/trials/1/log.txt").read_text()
    sizes = [int(re.search(r"reads (\d+) bytes", log)[1]) for log in (final, trial)]
    assert sizes[0] > sizes[1]


def test_all_trials_failing_ends_with_1_the_step_and_the_log(tmp_path):
    code, stdout, stderr = finish(start(tmp_path, "--fail", "1", "2", "3"))
    assert code == 1
    assert "hptune: the pipeline stopped at its step tune" in stderr
    assert str(tmp_path / "jobs/tiny/hptune/trials/2/log.txt") in stderr
    assert "out of luck" in stderr
    assert "Traceback" not in stderr
    assert "train:" not in stderr
    assert stdout == ""


def test_data_that_is_not_there_ends_with_2_at_the_download_step(tmp_path):
    code, _, stderr = finish(start(tmp_path, flags=["--data", "nowhere.npz"]))
    assert code == 2
    assert "nowhere.npz: no such file" in stderr
    assert "hptune: the pipeline stopped at its step download" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--module-name", "tiny.absent"], "there is no module 'tiny.absent'"),
        (["--config", "absent.yaml"], "absent.yaml: there is no such file"),
        (["--max-trials", "-1"], "Invalid value for '--max-trials'"),
    ],
)
def test_bad_input_ends_with_2_before_any_step_runs(tmp_path, flags, message):
    code, _, stderr = finish(start(tmp_path, flags=flags))
    assert code == 2
    assert message in stderr
    assert "download" not in stderr


def start_and_hang_in_trial_2(folder):
    (folder / "hang").touch()
    process = start(folder, "--hang-while", str(folder / "hang"))
    wait_for(lambda: trials_begun(folder) == [1, 2])
    return process


def test_killed_and_run_again_no_finished_trial_is_run_again(tmp_path):
    killed = start_and_hang_in_trial_2(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    trainer = begun(tmp_path)[-1][1]
    wait_for(lambda: not is_alive(trainer))
    (tmp_path / "hang").unlink()
    code, stdout, stderr = finish(start(tmp_path, "--hang-while", str(tmp_path / "hang")))
    assert code == 0, stderr
    best = int(re.search(r"^best: trial (\d)", stdout, re.MULTILINE)[1])
    assert trials_begun(tmp_path) == [1, 2, 2, 3, best]


def test_ctrl_c_ends_with_130_and_stops_the_trainer(tmp_path):
    process = start_and_hang_in_trial_2(tmp_path)
    process.send_signal(signal.SIGINT)
    code, _, stderr = finish(process)
    assert code == 130
    assert "Traceback" not in stderr
    assert not is_alive(begun(tmp_path)[-1][1])


def test_a_terminal_shows_the_live_view_of_hptune_run_and_no_lines_of_trials(tmp_path, monkeypatch):
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    hang = tmp_path / "hang"
    hang.touch()
    process = start(tmp_path, "--hang-while", str(hang), stderr=other)
    os.close(other)
    shown = ""
    # The terminal of a process that has ended answers with an error.
    with suppress(OSError):
        while data := os.read(main, 65536):
            shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode("utf-8", "replace"))
            # The second trial waits until it has been seen to run.
            if re.search(r"━+─+  1/3 trials  best \S+ \(trial 1\)", shown) and re.search(
                r"\d +RUNNING ", shown
            ):
                hang.unlink(missing_ok=True)
    os.close(main)
    code, stdout, _ = finish(process)
    assert code == 0, shown
    assert "tiny: minimize loss" in shown
    assert re.search(r"━+─+  1/3 trials  best \S+ \(trial 1\)", shown)
    assert re.search(r"\d +RUNNING ", shown)
    assert "trial 1/3 runs" not in shown
    # The live view is gone when the step has ended; the results are printed as everywhere.
    assert "report:\r\n" in shown
    assert "best: trial" in stdout
    assert not list((tmp_path / "local_outputs").glob(".hptune-*"))
