"""Trials that are forked from a process that has imported what the trainer needs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from killable_jobs import command_line
from tiny_jobs import Job

from hptune.backends.local import warm
from hptune.results.study import TrialState
from hptune.runtimes import ZYGOTE
from hptune.runtimes.processes import all_processes
from hptune.trial.document import NURSERY_COMMAND

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials are forked on Linux alone")

PATIENCE_S = 60
# Says what the process is like when the trainer begins, then spoils what another trial could inherit.
SELF_PORTRAIT = """
import sys
warm = "colorsys" in sys.modules
import colorsys
import json, numpy, os, resource, signal, threading
PLAIN = (str, int, float, bool, type(None))
trial, output = os.environ["CLOUD_ML_TRIAL_ID"], sys.argv[sys.argv.index("--job-dir") + 1]
portrait = {
    "argv": [each.replace(output, "OUTPUT") for each in sys.argv[:1] + sys.argv[3:]],
    "orig_argv": len(sys.orig_argv),
    "cwd": os.getcwd().replace(f"trials/{trial}", "trials/N"),
    "environment": sorted(os.environ),
    "log_level": os.environ.get("LEVEL"),
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:-1],
    "standard_input": os.readlink("/proc/self/fd/0"),
    "signals": {int(n): str(signal.getsignal(n)) for n in signal.valid_signals()},
    "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
    "limits": [resource.getrlimit(n) for n in range(16)],
    "umask": os.umask(0o22),
    "niceness": os.nice(0),
    "cores": sorted(os.sched_getaffinity(0)),
    "group": os.getpgid(0) == os.getpid(),
    "threads": threading.active_count(),
    "path": sys.path,
    "main": sorted(name for name in vars() if name not in ("warm", "portrait")),
    "name": [__name__, __spec__.name, __file__, sys.modules["__main__"] is sys.modules[__name__]],
    "colour": hasattr(colorsys, "SPOILED"),
    "encodings": [sys.stdout.encoding, sys.stdout.errors, sys.stdout.write_through],
}
print(json.dumps({"warm": warm, "draw": numpy.random.rand(), **portrait}))
colorsys.SPOILED = True
os.environ["SPOILED"] = "1"
os.environ.pop("PATH")
os.chdir("/")
os.umask(0o77)
os.nice(1)
sys.argv[:] = ["spoiled"]
sys.path.insert(0, "/spoiled")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.open("/dev/null", os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
print("accuracy=0.5")
"""


def cold(job):
    return Job(replace(job.submission, cold=True), job.scratch)


def log(job, trial):
    return (job.root / "hptune" / "trials" / str(trial) / "log.txt").read_text()


def portraits(job, trials):
    return [next(json.loads(line) for line in log(job, n).splitlines() if line[0] == "{") for n in trials]


def assert_ends(process):
    """Waits until a process is gone, or waits itself for a parent that takes note of its end."""
    deadline = time.monotonic() + PATIENCE_S
    while (stat := Path("/proc", process, "stat")).exists() and ") Z " not in stat.read_text():
        assert time.monotonic() < deadline, process
        time.sleep(0.02)


def test_a_warm_trial_begins_as_a_new_interpreter_does(make_job):
    job = make_job(maxTrials=3)
    (job.scratch / "tiny_trainer.py").write_text(SELF_PORTRAIT)
    job.run()
    other = cold(make_job(name="cold", maxTrials=1))
    (other.scratch / "tiny_trainer.py").write_text(SELF_PORTRAIT)
    other.run()
    [one] = [json.dumps(each).replace("/cold", "/job") for each in portraits(other, [1])]
    expected = {**json.loads(one), "warm": True}
    three = portraits(job, [1, 2, 3])
    drawn = [each.pop("draw") for each in (*three, expected)]
    for name, value in expected.items():
        assert [each[name] for each in three] == [value] * 3, name
    assert len({*drawn}) == len(drawn)
    assert "--cold was given" in log(other, 1)
    assert "new interpreter" not in log(job, 1)


def test_a_trainer_that_fails_warm_says_so_as_a_cold_one(make_job):
    body = "sys.exit({1: 'a word', 2: 3, 3: 256 + 4}[trial])"
    endings = {}
    for name, change in (("job", lambda job: job), ("cold", cold)):
        job = change(make_job(body, name=name, maxTrials=3, maxFailedTrials=9))
        with pytest.raises(Exception, match="no trial"):
            job.run()
        trials = job.backend.describe().study.trials
        endings[name] = [(each.message, log(job, each.id).splitlines()[-2:-1]) for each in trials]
    assert [message for message, _ in endings["job"]] == [message for message, _ in endings["cold"]]
    assert endings["job"][0][1] == ["a word"]


def test_what_a_warm_trainer_has_not_written_yet_is_written_at_its_end(make_job):
    body = """
    import atexit, logging, weakref
    class Thing: pass
    thing = Thing()
    weakref.finalize(thing, print, "finalised")
    atexit.register(print, "at exit")
    report = open("report.txt", "w")
    report.write("unflushed")
    logging.kept_by_a_library = open("other.txt", "w")
    logging.kept_by_a_library.write("unflushed")
    print("accuracy=1")
    """
    job = make_job(dedent(body), maxTrials=1)
    job.run()
    work = job.root / "hptune" / "trials" / "1" / "work"
    assert [(work / name).read_text() for name in ("report.txt", "other.txt")] == ["unflushed"] * 2
    assert log(job, 1).splitlines() == ["accuracy=1", "at exit", "finalised"]


def test_a_trainer_killed_by_a_signal_is_told_so(make_job):
    job = make_job("os.kill(os.getpid(), signal.SIGSEGV) if trial == 2 else print('accuracy=1')", maxTrials=2)
    job.run()
    assert job.backend.describe().study.trials[1].message.startswith("killed by SIGSEGV")


def test_a_made_up_import_that_starts_a_thread_leads_to_new_interpreters(make_job, monkeypatch):
    job = make_job(maxTrials=3)
    (job.scratch / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()\n"
    )
    monkeypatch.setattr(warm, "importable_beforehand", lambda *_: ["import threaded"])
    study = job.run()
    assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] * 3
    why = "hptune: starts a new interpreter for this trial: 'import threaded' starts threads\n"
    assert all(why in log(job, trial) for trial in (1, 2, 3))


def test_a_zygote_that_is_killed_takes_no_trial_with_it_and_gets_a_successor(make_job):
    body = """
    keeper = os.getppid()
    zygote = int(open(f"/proc/{keeper}/stat").read().rpartition(")")[2].split()[1])
    if trial == 1:
        os.kill(zygote, signal.SIGKILL)
    print(f"accuracy={x}", zygote, flush=True)
    """
    job = make_job(dedent(body), maxTrials=3)
    study = job.run()
    assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] * 3
    assert len(job.starts) == 3
    first, second, third = (log(job, trial).split()[-1] for trial in (1, 2, 3))
    assert first != second == third
    assert "new interpreter" not in "".join(log(job, trial) for trial in (1, 2, 3))


def test_a_zygote_that_is_killed_again_and_again_is_done_without(make_job):
    body = """
    keeper = os.getppid()
    parent = int(open(f"/proc/{keeper}/stat").read().rpartition(")")[2].split()[1])
    if b"zygote.py" in open(f"/proc/{parent}/cmdline", "rb").read():
        os.kill(parent, signal.SIGKILL)
    print("accuracy=1", flush=True)
    """
    job = make_job(dedent(body), maxTrials=5)
    study = job.run()
    assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] * 5
    assert "zygote.py was ended 3 times" in log(job, 5)


def test_a_keeper_that_is_killed_takes_its_trainer_with_it_and_the_trial_runs_again(make_job):
    body = """
    if trial == 1 and not os.path.exists(scratch + "/killed"):
        open(scratch + "/killed", "w").write(str(os.getpid()))
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    print("accuracy=1", flush=True)
    """
    job = make_job(dedent(body), maxTrials=2)
    study = job.run()
    assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] * 2
    assert job.starts == [1, 1, 2]
    assert_ends((job.scratch / "killed").read_text())


def test_what_leaves_a_trainers_group_ends_with_the_trial(make_job):
    body = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open(scratch + "/daemon", "w").write(str(os.getpid()))
            time.sleep(600)
        os._exit(0)
    while not os.path.exists(scratch + "/daemon") or not open(scratch + "/daemon").read():
        time.sleep(0.02)
    print("accuracy=1", flush=True)
    """
    job = make_job(dedent(body), maxTrials=1)
    job.run()
    assert_ends((job.scratch / "daemon").read_text())


def test_the_process_that_forks_trials_is_replaced_when_it_is_killed(make_job):
    job, killed = make_job(maxTrials=3), []

    def observe(_study, trial):
        if trial.state.finished and not killed:
            children = [each.pid for each in all_processes() if each.parent == os.getpid()]
            killed.extend(each for each in children if b"nursery" in command_line(each))
            os.kill(killed[0], signal.SIGKILL)

    study = job.run(observe)
    assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] * 3
    assert job.starts == [1, 2, 3]
    assert len(killed) == 1


@pytest.mark.parametrize(
    ("command", "start"),
    [(NURSERY_COMMAND, b""), ([sys.executable, str(ZYGOTE)], b'{"statements": [], "differ": []}')],
    ids=["the nursery", "the zygote"],
)
def test_who_is_killed_before_it_has_said_what_to_fork_leaves_no_traceback(command, start):
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [*command, str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
        )
    with ours, Path(os.devnull).open() as null:
        for said in (None, b"", b'{"arguments": ['):
            asks, answers = socket.socketpair()
            with asks, answers:
                socket.send_fds(ours, [b"\0"], [answers.fileno()])
                if said is not None:
                    socket.send_fds(asks, [b"\0"], [null.fileno()] * 2)
                    asks.sendall(said)
    output, _ = process.communicate(start, timeout=60)
    assert (process.returncode, output.decode()) == (0, "")
