"""Trainers that break what they can reach: their trial may fail, with a reason; the job goes on."""

import json

from hptune.results.study import TrialState

# What a trainer does, by what it is called; `say` reports the objective, which is then there to be found.
KILL = "say(); os.kill(os.getppid(), 9); time.sleep(60)"
WAIT = "say(); time.sleep(0.3)"
FILES = (
    "measurements.jsonl",
    "outcome.json",
    "trainer.pid",
    "log.txt",
    "trial.json",
    "hypertune/output.metrics",
)
BAD = {
    f"{deed} {name}": f"{deed}({name!r}); {WAIT}"
    for name in FILES
    for deed in ("garbage", "gone", "fifo", "folder")
}
BAD |= {
    "deep metric": "garbage('hypertune/output.metrics', b'['*200000); say()",
    "deep measurements": "garbage('measurements.jsonl', b'['*200000+b'\\n'); " + WAIT,
    "json measurements": "garbage('measurements.jsonl', b'[1]\\n{}\\n'); " + WAIT,
    "huge int measurements": "garbage('measurements.jsonl', b'{\"value\": 1e999, \"step\": 1e400}\\n'); "
    + WAIT,
    "outcome deep": "garbage('outcome.json', b'['*200000); " + KILL,
    "outcome partial": "garbage('outcome.json', b'{}'); " + KILL,
    "outcome types": """garbage('outcome.json', b'{"exit_code": "x", "final": null, "message": 5}'); """
    + KILL,
    "pid of 1": "garbage('trainer.pid', b'1'); " + KILL,
    "pid garbage and kill": "garbage('trainer.pid'); " + KILL,
    "pid folder and kill": "folder('trainer.pid'); " + KILL,
    "pid huge and kill": "garbage('trainer.pid', b'9'*30); " + KILL,
    "pid -1 and kill": "garbage('trainer.pid', b'-1'); " + KILL,
    "state removed": "shutil.rmtree(state); " + WAIT,
    "state removed, kill": "shutil.rmtree(state); " + KILL,
    "state a file": "shutil.rmtree(state); open(state,'w').write('x'); " + WAIT,
    "output removed": "shutil.rmtree(out); " + WAIT,
    "output a file": "shutil.rmtree(out); open(out,'w').write('x'); " + WAIT,
    "output a loop": "os.symlink(out, out+'/loop'); " + WAIT,
    "event fifo": "os.mkfifo(out+'/events.out.tfevents.1'); " + WAIT,
    "event folder": "os.mkdir(out+'/events.out.tfevents.1'); " + WAIT,
    "event garbage": "open(out+'/events.out.tfevents.1','wb').write(os.urandom(100000)); " + WAIT,
    "event link to itself": "os.symlink('events.out.tfevents.1', out+'/events.out.tfevents.1'); " + WAIT,
    "event link to zero": "os.symlink('/dev/zero', out+'/events.out.tfevents.1'); " + WAIT,
    "metric link to zero": "gone(FILES[-1]); os.symlink('/dev/zero', at(FILES[-1])); " + WAIT,
    "name not utf8": "open(os.fsencode(out)+b'/events.out.tfevents.\\xff','wb').write(b'x'); " + WAIT,
    "bytes": "sys.stdout.buffer.write(bytes(range(256))*100); print(); say()",
    "controls": "print('\\x1b]0;title\\x07\\x1b[2J\\x00\\x07'); say(); sys.exit(3)",
    "huge number": "print('accuracy='+'9'*100000); say()",
    "1e400": "print('accuracy=1e400')",
    "step huge": "print(f'step=99999999999999999999999 accuracy={x}')",
    "no line end": "sys.stdout.write('z'*20000000); print(); say()",
    "closes output": "say(); os.close(1); os.close(2); time.sleep(.5)",
    "daemon": "say(); subprocess.Popen(['sleep','30'], start_new_session=True)",
    "child holds pipe": "say(); subprocess.Popen(['sleep','5'])",
    "sigstop": "say(); os.kill(os.getppid(), 19); time.sleep(.5); os.kill(os.getppid(), 18)",
    "stopped itself": "say(); subprocess.Popen(f'sleep 1; kill -9 {pid}', shell=True); os.kill(pid, 19)",
    "abort": "say(); os.abort()",
    "realtime signal": "os.kill(os.getpid(), 40)",
    "exit 255": "say(); os._exit(255)",
    "work removed": "shutil.rmtree(os.getcwd()); " + WAIT,
    "many files": "say(); [open(f'{out}/f{i}','w') for i in range(3000)]",
}
# Of these the trial itself cannot be measured.
FAILS = {
    "controls": "exited with code 3",
    "1e400": "accuracy was inf at step 0",
    "stopped itself": "was killed 2 times",
    "abort": "killed by SIGABRT",
    "realtime signal": "killed by signal 40",
    "exit 255": "exited with code 255",
}
TRAINER = """
import json, shutil, subprocess
pid = os.getpid()
FILES = ["hypertune/output.metrics"]
out = args["job-dir"]
job = os.path.dirname(out)
state = os.path.join(job, "hptune", "trials", str(trial))
def at(name):
    return os.path.join(state, name)
def garbage(name, data=b"\\xff\\x00{garbage"):
    with open(at(name), "wb") as file:
        file.write(data)
def gone(name):
    if os.path.isdir(at(name)):
        shutil.rmtree(at(name))
    elif os.path.lexists(at(name)):
        os.unlink(at(name))
def fifo(name):
    gone(name)
    os.mkfifo(at(name))
def folder(name):
    gone(name)
    os.makedirs(os.path.join(at(name), "x"))
def say():
    print(f"accuracy={x}", flush=True)
deeds = json.load(open(os.path.join(scratch, "deeds.json")))
exec(deeds[trial - 1])
"""


def test_whatever_a_trainer_does_to_its_files_the_job_goes_on(make_job):
    job = make_job(TRAINER, maxTrials=len(BAD) + 1, maxFailedTrials=len(BAD))
    (job.scratch / "deeds.json").write_text(json.dumps([*BAD.values(), "say()"]))
    study = job.run()
    told = dict(zip([*BAD, "a good one"], study.trials, strict=True))
    assert told["a good one"].final.value == told["a good one"].parameters["x"]
    for name, trial in told.items():
        if message := FAILS.get(name) or ("was killed 2 times" if BAD.get(name, "").endswith(KILL) else ""):
            assert (trial.state, trial.message[: len(message)]) == (TrialState.FAILED, message), name
        else:
            assert (trial.state, trial.message) == (TrialState.SUCCEEDED, ""), name
            assert trial.final.value == trial.parameters["x"], name
    twice = [number for number, trial in enumerate(study.trials, 1) if "killed 2 times" in trial.message]
    assert sorted(job.starts) == sorted([*range(1, len(told) + 1), *twice])
