"""What cannot be used is refused: exit code 2, one clear message, and nothing written over."""

import json
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.entry_point import call, write_job

HPTUNE = str(Path(sys.executable).with_name("hptune"))

PARAM = "{parameterName: lr, type: DOUBLE, minValue: 0.001, maxValue: 0.1, scaleType: UNIT_LOG_SCALE}"
JOB_FILE = f"""\
trainingInput:
  hyperparameters:
    hyperparameterMetricTag: loss
    maxTrials: 1
    params:
    - {PARAM}
"""
TRAINER = 'import sys\nprint("loss=" + sys.argv[sys.argv.index("--lr") + 1])\n'
# A complete, good command line, for another flag to spoil.
RUN = "run other --config hptune.yaml --module-name trainer.task"
DONE = "run done --config hptune.yaml --module-name trainer.task --job-dir done"
AGAIN = DONE + " -- --x 0"
SPLIT = "preprocess {} --tune-file tune.npz --final-file final.npz"


JOURNALS = ("done/hptune/study.journal", "done/hptune/study.journal.copy")


@dataclass
class Case:
    """A command line that must be refused.

    Attributes:
        line: After ``hptune``.
        says: What the message must hold: the place, the value, what is allowed.
        files: What lies in the current directory beside what is good; a text, or a function of the path.
    """

    line: str
    says: tuple[str, ...]
    files: dict = field(default_factory=dict)


class Bomb:
    """Unpickled carelessly, it leaves a file."""

    def __reduce__(self):
        return Path.touch, (Path("pwned"),)


def rows(count=40, **changes):
    x = np.arange(count * 4, dtype=np.uint8).reshape(count, 4)
    y = np.arange(count, dtype=np.int32) % 2
    return {"x_train": x, "y_train": y, "x_test": x[:8], "y_test": y[:8], **changes}


def data(count=40, **changes):
    return lambda path: np.savez(path, **rows(count, **changes))


def truncated(path):
    data()(path)
    path.write_bytes(path.read_bytes()[:-300])


def flipped(path):
    data()(path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.infolist()[0]
    content[entry.header_offset + 250] ^= 1
    path.write_bytes(content)


def pickled(path):
    path.write_bytes(pickle.dumps(Bomb()))


def replaced(old, new):
    """A change of a file that is there already."""
    return lambda path: path.write_text(path.read_text().replace(old, new))


def job_file(*params, **tuning):
    lines = [f"    {name}: {value}" for name, value in tuning.items()]
    return "\n".join(
        ["trainingInput:", "  hyperparameters:", *lines, "    params:", *(f"    - {each}" for each in params)]
    )


def spoiled(**changes):
    """A job file whose parameter is changed."""
    fields = {"parameterName": "lr", "type": "DOUBLE", "minValue": "1", "maxValue": "2", **changes}
    return job_file("{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}")


def bad_job(text, *says):
    return Case("validate bad.yaml", ("bad.yaml", *says), {"bad.yaml": text})


JOB_FILES = {
    "missing": Case("validate bad.yaml", ("bad.yaml", "no such file")),
    "a directory": Case("validate trainer", ("trainer", "is a directory", "must be a YAML or JSON file")),
    "empty": bad_job("", "is empty", "must hold trainingInput"),
    "broken YAML": bad_job("trainingInput: [1, 2\nb: 3\n", "bad.yaml:2", "expected ',' or ']'"),
    "tabs": bad_job("trainingInput:\n\tscaleTier: BASIC\n", "bad.yaml:2", "a tab"),
    "an object": bad_job("a: !!python/object/apply:os.system [ls]\n", "bad.yaml:1", "is not allowed"),
    "no params": bad_job("trainingInput:\n  hyperparameters: {maxTrials: 3}\n", "params", "missing"),
    "min above max": bad_job(spoiled(minValue=3), "bad.yaml:4", "params[0]", "3", "2"),
    "log of zero": bad_job(
        spoiled(minValue=0, scaleType="UNIT_LOG_SCALE"), "params[0].minValue", "0", "must be > 0"
    ),
    "unknown type": bad_job(spoiled(type="FLOAT"), "params[0].type", "'FLOAT'", "DOUBLE", "CATEGORICAL"),
    "two faults": bad_job(
        spoiled(type="FLOAT").replace("params:", "maxTrials: ten\n    params:"),
        "'FLOAT'",
        "maxTrials",
        "'ten'",
    ),
    "a grid of doubles": bad_job(job_file(PARAM, algorithm="GRID_SEARCH"), "GRID_SEARCH", "DOUBLE"),
    "population": bad_job(
        job_file(PARAM, algorithm="POPULATION_BASED_TRAINING"), "algorithm", "POPULATION_BASED_TRAINING"
    ),
    "the same name twice": bad_job(job_file(PARAM, PARAM), "params[1].parameterName", "'lr'"),
    "fewer trials than none": bad_job(job_file(PARAM, maxTrials=-1), "maxTrials", "-1", "whole number"),
}

COMMAND_LINES = {
    "no config": Case("run x", ("Missing option '--config'",)),
    "unknown command": Case("tune x", ("No such command 'tune'",)),
    "unknown flag": Case(RUN + " --module trainer.task", ("No such option", "--module", "--module-name")),
    "an argument too many": Case(RUN + " extra", ("unexpected extra argument", "extra")),
    "seed": Case(RUN + " --seed abc", ("'--seed'", "'abc'", "integer")),
    "negative seed": Case(RUN + " --seed -1", ("'--seed'", "-1", "0<=x")),
    "unknown format": Case("describe done --format xml", ("'--format'", "'xml'", "'yaml'")),
    "no name": Case(
        "run --config hptune.yaml --module-name trainer.task", ("JOB", "is missing", "--job-dir")
    ),
    "slash in the name": Case(RUN.replace("other", "a/b"), ("JOB", "'a/b'", "letters, digits")),
    "dots as the name": Case(RUN.replace("other", ".."), ("JOB", "'..'", "letters, digits")),
    "name from a directory": Case(
        "run --config hptune.yaml --module-name trainer.task --job-dir 2019",
        ("JOB", "'2019', the name of the job's directory", "a letter"),
    ),
    "no module": Case("run x --config hptune.yaml", ("--module-name", "is missing")),
    "bad module name": Case(
        "run x --config hptune.yaml --module-name trainer/task.py",
        ("'trainer/task.py'", "such as trainer.task"),
    ),
    "unknown module": Case(
        "run x --config hptune.yaml --module-name trainer.tusk", ("'trainer.tusk'", "tusk.py does not exist")
    ),
    "unknown package": Case(
        "run x --config hptune.yaml --module-name nobody.task", ("'nobody'", "--package-path")
    ),
    "no package directory": Case(RUN + " --package-path nowhere", ("--package-path", "nowhere", "directory")),
    "package without __init__": Case(
        RUN + " --package-path plain", ("--package-path", "plain", "__init__.py"), {"plain/task.py": TRAINER}
    ),
    "packages in a bucket": Case(RUN + " --packages gs://b/x.tgz", ("--packages", "'gs://b/x.tgz'", "local")),
    "a container of no image": Case(
        "run x --config hptune.yaml --runtime container --command task --docker-flag=--gpus=all",
        ("--runtime: container", "masterConfig.imageUri", "--master-image-uri", "--docker-flag: is for"),
    ),
    "a container of an image and a trainer of this machine": Case(
        "run x --config image.yaml --runtime container --module-name trainer.task",
        ("--runtime: container", "--command 'python -m trainer.task'"),
        {"image.yaml": JOB_FILE + "  masterConfig: {imageUri: gcr.io/x/y}\n"},
    ),
    "a package beside an image": Case(
        "run x --config image.yaml --package-path trainer --python python3",
        ("--package-path or --packages: cannot be put", "gcr.io/x/y", "--python: names an interpreter;"),
        {"image.yaml": JOB_FILE + "  masterConfig: {imageUri: gcr.io/x/y}\n"},
    ),
    "job file and flags": Case(
        "run a/b --config bad.yaml --package-path nowhere",
        ("bad.yaml:4", "minValue", "'a/b'", "nowhere"),
        {"bad.yaml": spoiled(minValue=0, scaleType="UNIT_LOG_SCALE")},
    ),
}

JOB_DIRS = {
    "a file": Case(RUN + " --job-dir good.npz", ("good.npz", "is a file", "directory")),
    "below a file": Case(RUN + " --job-dir good.npz/x", ("--job-dir", "good.npz", "is a file")),
    "foreign files": Case(RUN + " --job-dir trainer", ("trainer", "holds other files", "new, empty")),
    "another job": Case(
        DONE + " --seed 7 -- --x 1",
        (
            "done",
            "holds another job",
            "seed: 0 -> 7",
            'args: ["--x", "0"] -> ["--x", "1"]',
            "another --job-dir",
        ),
    ),
    "a changed job file": Case(
        AGAIN,
        ("holds another job", "maxTrials", "1 -> 5"),
        {"hptune.yaml": JOB_FILE.replace(": 1\n", ": 5\n")},
    ),
    "another job, whose logs are none of ours": Case(
        DONE + " --seed 7 --stream-logs -- --x 0", ("holds another job", "seed: 0 -> 7")
    ),
    "a damaged record": Case(AGAIN, ("job.json", "is damaged"), {"done/hptune/job.json": "{"}),
    "a record of something else": Case(AGAIN, ("job.json", "is damaged"), {"done/hptune/job.json": "[]"}),
    "a record of a later format": Case(
        AGAIN, ("job.json", "is damaged", "format 9"), {"done/hptune/job.json": '{"format": 9}'}
    ),
    "a damaged journal": Case(
        AGAIN, ("study.journal", "is damaged"), dict.fromkeys(JOURNALS, "garbage\n" * 3)
    ),
    "a damaged journal, described": Case(
        "describe done", ("study.journal", "is damaged"), dict.fromkeys(JOURNALS, "garbage\n" * 3)
    ),
    "a damaged status": Case(
        "describe done", ("status.json", "is damaged"), {"done/hptune/status.json": "x"}
    ),
    "no job to describe": Case("describe trainer", ("trainer", "holds no hptune job")),
    "no job to train": Case("train nowhere", ("nowhere", "holds no hptune job")),
    "no job with logs": Case("stream-logs good.npz", ("good.npz", "holds no hptune job")),
    "nothing to resume": Case(
        "run x --config later.yaml --module-name trainer.task --job-dir later",
        ("resumePreviousJobId", "'nobody'"),
        {"later.yaml": job_file(PARAM, resumePreviousJobId="nobody")},
    ),
}

DATA = {
    "no file": Case(
        "download nothing.npz --output d.npz", ("nothing.npz", "no such file", "digits and mnist")
    ),
    "garbage": Case("download x.npz --output d.npz", ("x.npz", "allowed: "), {"x.npz": "garbage"}),
    "empty": Case("download x.npz --output d.npz", ("x.npz", "allowed: "), {"x.npz": ""}),
    "objects": Case(
        "download x.npz --output good.npz",
        ("x.npz", "x_train"),
        {"x.npz": data(x_train=np.array([Bomb()] * 40, dtype=object))},
    ),
    "a malicious pickle": Case("download x.pkl --output d.npz", ("x.pkl", "not allowed"), {"x.pkl": pickled}),
    "truncated": Case("download x.npz --output good.npz", ("x.npz",), {"x.npz": truncated}),
    "a flipped bit": Case("download x.npz --output good.npz", ("x.npz", "CRC"), {"x.npz": flipped}),
    "MNIST that is none": Case(
        "download mnist.npz --output d.npz",
        ("mnist.npz", "checksum", "which is MNIST"),
        {"mnist.npz": data()},
    ),
    "an array missing": Case(
        SPLIT.format("x.npz"), ("x.npz", "y_test"), {"x.npz": lambda path: np.savez(path, x_train=np.ones(3))}
    ),
    "rows without labels": Case(
        SPLIT.format("x.npz"), ("x.npz", "y_train", "40"), {"x.npz": data(y_train=np.zeros(39, np.int32))}
    ),
    "NaN": Case(
        SPLIT.format("x.npz"), ("x.npz", "x_train"), {"x.npz": data(x_train=np.full((40, 4), np.nan))}
    ),
    "plain http": Case("download http://example.org/x.npz --output d.npz", ("http://example.org", "https")),
    "unknown scheme": Case("download ftp://example.org/x.npz --output d.npz", ("ftp://", "gs://")),
    "no checksum": Case(
        "download good.npz --output d.npz --sha256 abc", ("sha256", "'abc'", "64 hexadecimal digits")
    ),
    "another checksum": Case(
        f"download good.npz --output d.npz --sha256 {'0' * 64}", ("good.npz", "checksum", "0" * 64)
    ),
    "too large a share": Case(
        SPLIT.format("good.npz") + " --validation-fraction 1.5", ("validation_fraction", "1.5", "0 <= f < 1")
    ),
    "a negative share": Case(
        SPLIT.format("good.npz") + " --validation-fraction -0.1",
        ("validation_fraction", "-0.1", "0 <= f < 1"),
    ),
    "no share": Case(
        SPLIT.format("good.npz") + " --validation-fraction nan", ("validation_fraction", "nan", "0 <= f < 1")
    ),
    "too small a share": Case(
        SPLIT.format("good.npz") + " --validation-fraction 0.01", ("validation_fraction", "0.01", "2 classes")
    ),
    "the same file twice": Case(
        "preprocess good.npz --tune-file good.npz --final-file good.npz",
        ("final_file", "two different files"),
    ),
    "no data to split": Case(SPLIT.format("nothing.npz"), ("nothing.npz", "no such file")),
}

ALL = {
    f"{kind}: {name}": case
    for kind, cases in {"job": JOB_FILES, "line": COMMAND_LINES, "dir": JOB_DIRS, "data": DATA}.items()
    for name, case in cases.items()
}
# As its users start it: a few, since each takes a second or two.
AS_PROCESSES = ["job: two faults", "line: unknown flag", "dir: another job", "data: a malicious pickle"]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A directory where all is well: a trainer, a job file, a job that has finished, data."""
    home = tmp_path_factory.mktemp("good")
    write_job(home, TRAINER, JOB_FILE)
    data()(home / "good.npz")
    result = subprocess.run([HPTUNE, *AGAIN.split()], cwd=home, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return home


@pytest.fixture
def place(good, tmp_path, monkeypatch):
    """A copy of it, where the test is."""
    home = tmp_path / "home"
    shutil.copytree(good, home)
    record = home / "done" / "hptune" / "job.json"
    record.write_text(record.read_text().replace(str(good), str(home)))
    monkeypatch.chdir(home)
    return home


def prepare(home, files):
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            content(path)


def snapshot(home):
    """Every file's content; but for the lock's, which is the process that last held it."""
    files = (path for path in home.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


def check_message(message, case):
    assert "Traceback" not in message
    missing = [text for text in case.says if text not in message]
    assert missing == [], message
    lines = message.strip().splitlines()
    ours = all(line.startswith("hptune: ") for line in lines)
    of_click = re.match(r"Usage: \S*hptune ", lines[0])
    clicks = of_click and len(re.findall("^Error: ", message, re.MULTILINE)) == 1
    assert ours or clicks, message
    assert len(lines) == len(set(lines)), "said twice"


@pytest.mark.parametrize("name", ALL)
def test_bad_input_is_refused_with_one_clear_message_and_changes_nothing(name, place):
    case = ALL[name]
    prepare(place, case.files)
    before = snapshot(place)
    result = call(case.line)
    assert result.code == 2, result.err
    assert result.out == ""
    check_message(result.err, case)
    assert snapshot(place) == before


@pytest.mark.parametrize("name", AS_PROCESSES)
def test_the_command_itself_does_the_same(name, place):
    case = ALL[name]
    prepare(place, case.files)
    before = snapshot(place)
    result = subprocess.run(
        [HPTUNE, *case.line.split()], capture_output=True, text=True, check=False, cwd=place
    )
    assert (result.returncode, result.stdout) == (2, "")
    check_message(result.stderr, case)
    assert snapshot(place) == before


@pytest.mark.usefixtures("place")
def test_what_the_cases_spoil_is_good():
    assert call("validate hptune.yaml").code == 0
    assert call(AGAIN).code == 0
    assert call(SPLIT.format("good.npz")).code == 0
    assert call(RUN + " -- --x 0").code == 0
    assert json.loads(call("describe done --format json").out)["state"] == "SUCCEEDED"
