"""Real supervisors: ``python -m hptune.trial`` with trainers that take a moment."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hptune.job.submission import Program
from hptune.results.study import Measurement
from hptune.storage.job_dir import JobDir
from hptune.trial.metrics.curve import read_curve
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TRIAL_FORM, TrialSpec

PATIENCE_S = 20


class Supervised:
    """One trial's supervisor, its trainer a script of this text."""

    def __init__(self, tmp_path, script, *flags, command=None, popen=None, **fields):
        trainer = tmp_path / "trainer.py"
        trainer.write_text(script)
        self.directory = JobDir(tmp_path / "job").trial(1)
        program = Program(command=command or (sys.executable, "-S", "-u", str(trainer)))
        spec = TrialSpec("1", "job", "accuracy", program, self.directory, **fields)
        document = tmp_path / "trial.json"
        document.write_text(TRIAL_FORM.text(spec))
        argv = [sys.executable, "-m", "hptune.trial", *flags, document]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **(popen or {}))

    def end(self):
        """Waits for the end; returns the exit code."""
        self.output, self.errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    @property
    def outcome(self):
        return Outcome.load(self.directory.outcome)

    @property
    def measurements(self):
        return [*read_curve(self.directory.measurements)]

    def trainer_pid(self):
        """Waits until the trainer has written its process id as its first line."""
        return int(self.process.stdout.readline())


@pytest.fixture
def supervise(tmp_path):
    started = []

    def start(script, *flags, **others):
        started.append(Supervised(tmp_path, script, *flags, **others))
        return started[-1]

    yield start
    for supervised in started:
        supervised.process.kill()
        supervised.process.communicate()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that nobody has waited for yet is no more.
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return sys.platform != "linux"


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


WAIT = "import os, time\n{}\nprint(os.getpid())\ntime.sleep(60)\n"


def test_a_trainer_that_reports_its_objective_succeeds(supervise):
    trial = supervise("print('step=1 accuracy=0.25')\nprint('step=2 accuracy=0.5')")
    assert trial.end() == 0
    assert trial.outcome.final == Measurement(0.5, 2)
    assert trial.outcome.message == ""
    assert trial.measurements == [Measurement(0.25, 1), Measurement(0.5, 2)]
    assert trial.outcome.start_time_s <= trial.outcome.end_time_s


def test_all_three_sources_are_read_and_the_most_deliberate_counts(supervise):
    script = """if True:
        import os, json, sys
        path = os.environ["CLOUD_ML_HP_METRIC_FILE"]
        entry = {"accuracy": "0.75", "global_step": "9", "timestamp": 1.0, "trial": "1"}
        open(path, "w").write(json.dumps(entry) + "\\n")
        print("accuracy=0.5")
    """
    trial = supervise(script)
    assert trial.end() == 0
    assert trial.outcome.final == Measurement(0.75, 9)


def test_reports_that_each_overwrite_the_one_before_are_all_read(supervise):
    # As those of a trainer that makes a HyperTune for each.
    script = """if True:
        import os, json, time
        path = os.environ["CLOUD_ML_HP_METRIC_FILE"]
        for step in range(1, 11):
            with open(path, "w") as file:
                file.write(json.dumps({"accuracy": step / 10, "global_step": step}) + "\\n")
            time.sleep(0.15)
    """
    trial = supervise(script)
    assert trial.end() == 0
    assert [each.step for each in trial.measurements] == list(range(1, 11))


def test_the_trainer_gets_arguments_and_environment(supervise):
    script = """if True:
        import os, sys
        print(sys.argv[1:], os.environ["CLOUD_ML_TRIAL_ID"], os.path.isdir(sys.argv[-1].partition("=")[2]))
    """
    trial = supervise(script, parameters={"lr": "-0.5", "url": "a=b"}, user_args=("--data", "--x=1", ""))
    trial.end()
    arguments = ["--data", "--x=1", "", "--lr=-0.5", "--url=a=b", f"--job-dir={trial.directory.output}"]
    assert trial.output.decode() == f"{arguments} 1 True\n"


def test_a_trainers_exit_code_is_told(supervise):
    trial = supervise("print('accuracy=0.5')\nraise SystemExit(3)")
    assert trial.end() == 1
    assert (trial.outcome.exit_code, trial.outcome.message) == (3, "exited with code 3")
    assert b"exited with code 3" in trial.errors


def test_a_trainers_traceback_is_told_by_its_last_line(supervise):
    trial = supervise("print('accuracy=0.5', flush=True)\nraise ValueError('shapes (3,) and (4,)')")
    assert trial.end() == 1
    assert trial.outcome.message == "exited with code 1: ValueError: shapes (3,) and (4,)"


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGRTMIN + 3, f"signal {signal.SIGRTMIN + 3}")]
)
def test_the_signal_that_killed_a_trainer_is_told(supervise, number, name):
    trial = supervise(f"import os\nos.kill(os.getpid(), {int(number)})")
    assert trial.end() == 1
    assert trial.outcome.exit_code == -number
    assert trial.outcome.message.partition(" (")[0] == f"killed by {name}"


def test_a_trainer_that_cannot_be_started_is_told(supervise):
    trial = supervise("", command=("/no/such/program",))
    assert trial.end() == 1
    assert "could not be started" in trial.outcome.message
    assert "/no/such/program" in trial.outcome.message


def test_a_trainer_is_stopped_after_its_time_limit(supervise):
    trial = supervise("import time\nprint('accuracy=0.5')\ntime.sleep(60)", time_limit_s=0.5)
    assert trial.end() == 1
    assert trial.outcome.timed_out
    assert not trial.outcome.killed
    assert trial.outcome.message == "stopped after its time limit of 0.5 s"


@pytest.mark.parametrize("value", ["nan", "-inf"])
def test_an_objective_that_is_not_finite_is_no_success_of_the_objective(supervise, value):
    trial = supervise(f"print('step=1 accuracy=0.9')\nprint('step=2 accuracy={value}')")
    assert trial.end() == 0
    assert trial.outcome.message == f"accuracy was {value} at step 2"
    assert not trial.outcome.final.finite


def test_a_trainer_without_the_objective_is_told_what_it_reported(supervise):
    trial = supervise("print('val_accuracy=0.5 loss=1')")
    assert trial.end() == 0
    assert trial.outcome.final is None
    message = "reported no 'accuracy' (the hyperparameterMetricTag); it reported val_accuracy, loss"
    assert trial.outcome.message == f"{message}; make one of them the hyperparameterMetricTag"


def test_a_silent_trainer_is_told_so(supervise):
    trial = supervise("")
    assert trial.end() == 0
    assert "it reported no metric at all (event files were looked for below " in trial.outcome.message


def test_the_output_is_passed_on_byte_for_byte(supervise):
    script = """if True:
        import os
        def write(data):
            while data:
                data = data[os.write(1, data):]
        write(bytes(range(256)) * 40)
        write(b"\\n10/10 accuracy=0.1\\r10/10 accuracy=0.2\\r\\n")
        write(b"x" * 1_000_000)
        os.write(2, b"\\nlast: accuracy=0.3")
    """
    trial = supervise(script)
    assert trial.end() == 0
    lines = b"\n10/10 accuracy=0.1\r10/10 accuracy=0.2\r\n"
    assert trial.output == bytes(range(256)) * 40 + lines + b"x" * 1_000_000 + b"\nlast: accuracy=0.3"
    assert [m.value for m in trial.measurements] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("chatter", ["pass", "print('chatter', flush=True)"])
def test_a_child_that_holds_the_output_open_does_not_hold_up_the_trial(supervise, chatter):
    child = f"import time\\nfor _ in range(10**9): {chatter}; time.sleep(0.0001)"
    script = f"""if True:
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-S", "-c", "{child}"])
        print(child.pid)
        print("accuracy=0.5 ", end="")
    """
    trial = supervise(script)
    pid = trial.trainer_pid()
    assert trial.end() == 0
    assert trial.outcome.final == Measurement(0.5, 0)
    wait_until(lambda: not alive(pid))


def test_a_trainer_that_closes_its_output_is_waited_for(supervise):
    script = """if True:
        import os, time
        os.close(1), os.close(2)
        time.sleep(0.6)
        open(os.environ["CLOUD_ML_HP_METRIC_FILE"], "w").write('{"accuracy": "0.5"}\\n')
    """
    trial = supervise(script)
    assert trial.end() == 0
    assert trial.outcome.final == Measurement(0.5, 0)


def test_sigterm_stops_the_trainer_and_leaves_no_outcome(supervise):
    trial = supervise(WAIT.format(""))
    pid = trial.trainer_pid()
    trial.process.terminate()
    assert trial.end() == 130
    assert trial.outcome is None
    assert not alive(pid)


def test_a_trainer_that_catches_sigterm_has_time_to_save(supervise):
    ignoring = "import signal; signal.signal(signal.SIGTERM, lambda *_: print('saving'))"
    trial = supervise(WAIT.format(ignoring).replace("time.sleep(60)", "time.sleep(1); print('saved')"))
    pid = trial.trainer_pid()
    trial.process.terminate()
    assert trial.end() == 130
    assert trial.output == b"saving\nsaved\n"
    assert not alive(pid)


def test_closing_standard_input_stops_the_trial(supervise):
    trial = supervise(WAIT.format(""), "--stop-with-stdin", popen={"stdin": subprocess.PIPE})
    pid = trial.trainer_pid()
    trial.process.stdin.close()
    trial.process.stdin = None
    assert trial.end() == 130
    assert trial.outcome is None
    assert not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_a_trainer_dies_with_its_supervisor(supervise):
    trial = supervise(WAIT.format(""))
    pid = trial.trainer_pid()
    trial.process.kill()
    trial.process.wait()
    wait_until(lambda: not alive(pid))
    assert trial.outcome is None


def test_an_attempt_waits_until_the_one_before_has_stopped(supervise):
    slow = "import signal; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), os._exit(0)))"
    first = supervise(WAIT.format(slow))
    pid = first.trainer_pid()
    first.process.terminate()
    second = supervise(f"import os\ntry: os.kill({pid}, 0)\nexcept ProcessLookupError: print('accuracy=0.5')")
    assert first.end() == 130
    assert second.end() == 0
    assert second.outcome.final == Measurement(0.5, 0)


def test_an_attempt_takes_nothing_from_the_one_before(supervise):
    script = "import os\nopen(os.environ['CLOUD_ML_HP_METRIC_FILE'], 'w').write('{\"accuracy\": \"0.9\"}\\n')"
    assert supervise(script).end() == 0
    trial = supervise("print('loss=1')")
    assert trial.end() == 0
    assert trial.outcome.final is None
    assert trial.measurements == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "trial.json: cannot be read: No such file"),
        ("{", "trial.json: does not describe a trial (Expecting"),
        ('{"format": 1, "trialId": "1"}', "jobId: Field required; metric: Field required"),
    ],
)
def test_a_document_that_makes_no_sense_is_refused(tmp_path, text, problem):
    document = tmp_path / "trial.json"
    if text is not None:
        document.write_text(text)
    command = [sys.executable, "-m", "hptune.trial", document]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert problem in result.stderr
    assert "Traceback" not in result.stderr
