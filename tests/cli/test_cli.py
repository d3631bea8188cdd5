"""The command line as people type it, with real trainers in real processes."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.entry_point import call, write_job

HPTUNE = str(Path(sys.executable).with_name("hptune"))
COMMANDS = ["run", "describe", "stream-logs", "validate", "download", "preprocess", "train"]

JOB_FILE = """\
trainingInput:
  hyperparameters:
    goal: MINIMIZE
    hyperparameterMetricTag: loss
    maxTrials: 2
    params:
    - {parameterName: lr, type: DOUBLE, minValue: 0.001, maxValue: 0.1, scaleType: UNIT_LOG_SCALE}
    - {parameterName: kind, type: CATEGORICAL, categoricalValues: ["[a]", "b,c"]}
"""
# Says what it was given; fails, waits or talks on demand.
TRAINER = """\
import json, sys, time
args = dict(zip(sys.argv[-8::2], sys.argv[-7::2]))
print("argv=" + json.dumps(sys.argv[1:]))
if "--talk" in sys.argv:
    print("a line of many\\n" * 20000)
if "--fail" in sys.argv:
    sys.exit("[bold]no such file: 'data[0]'")
print("step=7 loss=" + sys.argv[sys.argv.index("--lr") + 1], flush=True)
if "--slow" in sys.argv:
    time.sleep(0.8)
if "--wait" in sys.argv:
    time.sleep(60)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The directory of an ML Engine user, who is in it."""
    monkeypatch.chdir(tmp_path)
    trainer = tmp_path / "trainer"
    trainer.mkdir()
    (trainer / "__init__.py").touch()
    (trainer / "task.py").write_text(TRAINER)
    (trainer / "hptune.yaml").write_text(JOB_FILE)
    (tmp_path / "one.yaml").write_text(JOB_FILE.replace("maxTrials: 2", "maxTrials: 1"))
    return tmp_path


def argv_of(job_dir, trial_id):
    log = Path(job_dir, "hptune", "trials", str(trial_id), "log.txt").read_text()
    return json.loads(log.splitlines()[0].removeprefix("argv="))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command):
    result = call(f"{command} --help")
    assert (result.code, result.err) == (0, "")
    assert re.search(rf"Examples?:\n    hptune {command} ", result.out)
    # What gcloud has and this machine has not is taken, and not advertised.
    assert "--runtime-version" not in result.out


def test_the_overview_names_every_command_and_shows_examples():
    result = call("--help")
    assert result.code == 0
    assert all(f"\n  {command} " in result.out for command in COMMANDS)
    assert "Examples:\n    hptune validate" in result.out


def test_gclouds_command_line_works_as_written(home):
    command = """run census_1 --stream-logs --job-dir out/census_1 --runtime-version 1.6
    --module-name trainer.task --package-path ./trainer --region us-central1 --config=trainer/hptune.yaml
    -- --train-file data.npz"""
    result = subprocess.run(
        [HPTUNE, *shlex.split(command)], cwd=home, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    hint, others, runtime, *rest = result.stderr.splitlines()
    assert hint.startswith("hptune: warning: --runtime-version: is a hint here, ")
    assert others == "hptune: warning: without effect on this machine: --region"
    assert runtime.startswith("hptune: the trainer runs in hptune's own Python: runtimeVersion 1.6, but ")
    results = json.loads(Path("out/census_1/results.json").read_text())["trainingOutput"]
    assert results["completedTrialCount"] == "2"
    logs, watch = rest[:2]
    assert logs == f"hptune: logs:  {home}/out/census_1/hptune/trials/TRIAL/log.txt"
    assert re.fullmatch(rf"hptune: watch: \S*hptune describe {home}/out/census_1 --watch", watch)
    assert [line[:20] for line in rest if "SUCCEEDED" in line] == [
        "trial 1/2 SUCCEEDED ",
        "trial 2/2 SUCCEEDED ",
    ]
    lines = [line.split("\t") for line in result.stdout.splitlines() if line.startswith("INFO\t")]
    assert {line[3] for line in lines} == {"1", "2"}
    assert all(len(line) == 5 and line[2] == "master-replica-0" for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", line[1]) for line in lines)
    assert "best: trial" in result.stdout
    for name, content in (("results.json", '"trialId"'), ("report.html", "<title>census_1")):
        assert str(home / "out/census_1" / name) in result.stdout
        assert content in Path("out/census_1", name).read_text()


def test_flags_take_their_values_after_an_equals_sign_too_and_user_args_stay_as_they_are(home):
    user_args = ["--train-file", "a b.npz", "--", "-x", "--config=other", "--lr=3", "pos", "--job-dir"]
    result = call(
        "run j --config=one.yaml --module-name=trainer.task --package-path=trainer --job-dir=out",
        *shlex.split("--scale-tier=BASIC_GPU --labels a=b,c=d --quiet --"),
        *user_args,
    )
    assert result.code == 0, result.err
    assert "without effect on this machine: --scale-tier, --labels, --quiet" in result.err
    argv = argv_of("out", 1)
    assert argv[: len(user_args)] == user_args
    service = dict(zip(argv[len(user_args) :: 2], argv[len(user_args) + 1 :: 2], strict=True))
    assert list(service) == ["--lr", "--kind", "--job-dir"]
    assert service["--job-dir"] == str(home / "out" / "1")


@pytest.mark.usefixtures("home")
def test_the_job_name_may_come_from_its_directory():
    assert call("run --config one.yaml --module-name trainer.task --job-dir out/mine -- -v").code == 0
    assert json.loads(call("describe out/mine --format json").out)["jobId"] == "mine"


@pytest.mark.parametrize("dashes", [[], ["--"]])
def test_without_a_job_dir_trainers_get_none_and_the_job_lies_in_a_default_one(home, dashes):
    result = call("run j --config one.yaml --module-name trainer.task", *dashes)
    assert result.code == 0, result.err
    assert [token for token in argv_of("hptune-jobs/j", 1) if token.startswith("--")] == ["--lr", "--kind"]
    assert str(home / "hptune-jobs/j/results.json") in result.out
    assert "--job-dir" not in result.out


def test_packages_bring_the_trainer(home):
    (home / "trainer").rename(home / "src")
    (home / "dist").mkdir()
    with zipfile.ZipFile("dist/trainer-0.1-py3-none-any.whl", "w") as wheel:
        wheel.write("src/task.py", "trainer/task.py")
        wheel.writestr("trainer/__init__.py", "")
        info = "trainer-0.1.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: trainer\nVersion: 0.1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    packages = "dist/trainer-0.1-py3-none-any.whl"
    result = call(
        *f"run j --config one.yaml --packages {packages} --module-name trainer.task -- --my-flag".split()
    )
    assert result.code == 0, result.err
    assert argv_of("hptune-jobs/j", 1)[0] == "--my-flag"


@pytest.mark.usefixtures("home")
def test_piped_progress_is_plain_lines():
    result = call("run j --config trainer/hptune.yaml --module-name trainer.task --job-dir out -- -v")
    assert result.code == 0, result.err
    assert "\x1b" not in result.err + result.out
    logs, watch, *lines = result.err.splitlines()
    assert (logs[:14], watch[:14]) == ("hptune: logs: ", "hptune: watch:")
    assert [line[:16] for line in lines] == [
        "trial 1/2 runs: ",
        "trial 1/2 SUCCEE",
        "trial 2/2 runs: ",
        "trial 2/2 SUCCEE",
    ]
    assert re.fullmatch(
        r"trial 1/2 runs: lr=\d\.\d+ kind=(\[a\]|b,c)",
        lines[0],
    )
    assert re.fullmatch(
        r"trial 1/2 SUCCEEDED 0\.\d+ at step 7 after \d.*s; best 0\.\d+ \(trial 1\)", lines[1]
    )
    assert result.out.startswith("j: minimize loss")


def read_terminal(descriptor, process):
    """All that a process writes to its terminal."""
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([descriptor], [], [], 0.1)
        if ready:
            try:
                seen += os.read(descriptor, 65536)
            except OSError:  # the other end is closed
                break
        elif process.poll() is not None:
            break
    return seen.decode()


def test_a_terminal_shows_the_job_live(home):
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    command = "run j --config one.yaml --module-name trainer.task --job-dir out -- --slow"
    environment = {**os.environ, "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [HPTUNE, *shlex.split(command)], cwd=home, stdin=other, stdout=other, stderr=other, env=environment
    )
    os.close(other)
    seen = read_terminal(main, process)
    os.close(main)
    assert process.wait(10) == 0, seen
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert "j: minimize loss" in plain
    assert re.search(r"─+  0/1 trials  no best yet  \d s", plain)
    assert re.search(r"1  RUNNING .* 7  0:0\d", plain)
    # The live view is erased, the results stay.
    assert "\x1b[2K" in seen
    assert "best: trial 1" in plain.rpartition("└")[2]


@pytest.mark.usefixtures("home")
def test_a_job_that_fails_ends_with_1_and_the_end_of_the_log():
    result = call("run j --config one.yaml --module-name trainer.task --job-dir out -- --fail")
    assert result.code == 1
    assert "Traceback" not in result.err
    assert "trial 1 exited with code 1" in result.err
    assert "hptune:     [bold]no such file: 'data[0]'" in result.err
    described = call("describe out")
    assert described.code == 0
    assert "FAILED: trial 1 exited with code 1" in described.out


def wait_for(path, text):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.is_file() and text in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"no {text!r} in {path}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_is_stopped_ends_with_130_and_can_be_looked_at(home, number):
    command = "run j --config one.yaml --module-name trainer.task --job-dir out -- --wait"
    process = subprocess.Popen([HPTUNE, *shlex.split(command)], cwd=home, stderr=subprocess.PIPE, text=True)
    wait_for(home / "out/hptune/trials/1/log.txt", "loss=")
    assert json.loads(call("describe out --format json").out)["state"] == "RUNNING"
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "hptune: stopped; the same command takes it up where it was"
    assert "CANCELLED: stopped" in call("describe out").out


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A job that has finished; tests only read it."""
    home = tmp_path_factory.mktemp("finished")
    write_job(home, TRAINER, JOB_FILE)
    command = "run j --config hptune.yaml --module-name trainer.task --job-dir out -- --talk"
    result = subprocess.run(
        [HPTUNE, *shlex.split(command)], cwd=home, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return home / "out"


def test_describe_shows_a_table_and_the_state(finished):
    result = call(f"describe {finished}")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].rstrip() == "j: minimize loss"
    assert [line.split()[1] for line in lines if line.startswith("│")] in (["1", "2"], ["2", "1"])
    assert lines[-1] == "SUCCEEDED"


def test_describe_says_the_same_in_json_and_yaml(finished):
    as_json = json.loads(call(f"describe {finished} --format json").out)
    assert yaml.safe_load(call(f"describe {finished} --format=yaml").out) == as_json
    assert as_json["trainingInput"]["hyperparameters"]["maxTrials"] in (2, "2")


def test_describe_summarizes_in_gclouds_columns(finished):
    lines = call(f"describe {finished} --summarize").out.splitlines()
    assert lines[0].split() == ["TRIAL", "OBJECTIVE_VALUE", "STEP"]
    assert [line.split()[2] for line in lines[1:]] == ["7", "7"]


def test_stream_logs_prints_gclouds_columns_in_the_order_of_the_trainers_lines(finished):
    lines = [line.split("\t") for line in call(f"stream-logs {finished}").out.splitlines()]
    assert all(len(line) == 5 and line[0] == "INFO" for line in lines)
    first = [line[4] for line in lines if line[3] == "1"]
    assert first[0].startswith('argv=["--talk"')
    assert first[-1].startswith("step=7 loss=")
    assert len(first) == 20003


@pytest.mark.parametrize("command", ["stream-logs {}", "describe {} --format yaml"])
def test_a_reader_that_leaves_causes_no_complaint(finished, command):
    process = subprocess.Popen(
        [HPTUNE, *shlex.split(command.format(finished))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(10) in (0, 1)


def test_a_job_goes_on_when_the_reader_of_its_logs_leaves(home):
    command = "run j --config one.yaml --module-name trainer.task --job-dir out --stream-logs -- --talk"
    process = subprocess.Popen(
        [HPTUNE, *shlex.split(command)], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline()
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert "standard output cannot be written to (Broken pipe); the job goes on" in told
    assert process.wait(30) == 0
    assert json.loads(Path("out/results.json").read_text())["trainingOutput"]["completedTrialCount"] == "1"


@pytest.mark.usefixtures("home")
def test_validate_says_what_a_job_file_asks_for():
    result = call("validate trainer/hptune.yaml")
    assert (result.code, result.err) == (0, "")
    assert result.out == textwrap.dedent("""\
        trainer/hptune.yaml: minimize loss in 2 trials over
          lr: DOUBLE from 0.001 to 0.1, UNIT_LOG_SCALE
          kind: CATEGORICAL, one of '[a]', 'b,c'
        """)


@pytest.mark.usefixtures("home")
def test_validate_warns_of_what_is_odd():
    Path("odd.yaml").write_text(JOB_FILE.replace("maxTrials", "maxTrails"))
    result = call("validate odd.yaml")
    assert result.code == 0
    assert result.err.startswith("hptune: warning: odd.yaml:5: ")
    assert "maxTrials" in result.err


def test_train_runs_the_trainer_once_more_with_the_best_parameters(home):
    assert call("run j --config one.yaml --module-name trainer.task --job-dir out -- --tune").code == 0
    result = call("train out -- --final x")
    assert result.code == 0, result.err
    argv = json.loads((home / "out/hptune/final/log.txt").read_text().splitlines()[0].removeprefix("argv="))
    assert argv[:2] == ["--final", "x"]
    assert argv[2:-2] == argv_of("out", 1)[1:-2]
    assert argv[-2:] == ["--job-dir", str(home / "out/final")]
    assert f"model: {home / 'out/final'}\nlog:   {home / 'out/hptune/final/log.txt'}\n" in result.out


def test_the_version_is_printed():
    assert re.fullmatch(r"hptune, version \d+\.\d+\.\d+\n", call("--version").out)
