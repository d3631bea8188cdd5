"""Parameter names and values that YAML, Katib and shells could take for something else."""

import json
from pathlib import Path

import pytest

from tests.cluster.users import job_file

ROOT = Path(__file__).parents[2]
# Booleans, numbers, dates and null in YAML 1.1 or 1.2.
MISREAD = [
    "n",
    "y",
    "on",
    "off",
    "no",
    "1e3",
    "0x1F",
    "1_000",
    "2026-01-01",
    "~",
    "null",
    "12:30:45",
    "0b1",
    ".inf",
]
VALUES = ["a b", "it's", '"quoted"', "$(HOME)", "${HOME}", "a;b", "50%", "*", "\\n", "yes", "1e3", "-x", "ä"]
ECHO = "import json\nprint('ARGS', json.dumps(sys.argv[1:]))\nprint('score=1')\n"
TEXTS = sorted((ROOT / "tests" / "job" / "job_files").iterdir())
CASES = sorted((ROOT.parent / "shared" / "cases").glob("*/*.yaml"))


def integer(name):
    return {"parameterName": name, "type": "INTEGER", "minValue": 1, "maxValue": 5}


def dry_run(user, path, *flags):
    """What `hptune katib FILE | kubectl create --dry-run=server -f -` ends with."""
    printed = user.hptune("katib", path, "--namespace", user.namespace, *flags)
    if printed.code:
        return printed, None
    command = (user.kubectl, "create", "--dry-run=server", "--filename", "-")
    return printed, user.run(*command, given=printed.out)


def test_every_trainer_gets_exactly_the_values_that_hptune_tells(user):
    params = [
        {"parameterName": "word", "type": "CATEGORICAL", "categoricalValues": VALUES},
        {"parameterName": "n", "type": "INTEGER", "minValue": 3, "maxValue": 3},
    ]
    content = job_file(maxTrials=len(VALUES), maxParallelTrials=4, algorithm="GRID_SEARCH", params=params)
    job = user.job("values", ECHO, content)
    done = job.submit("--", "--text", 'it\'s $(HOME) "so"')
    assert done.code == 0, done.err
    logs = user.hptune("stream-logs", *job.words).out
    printed = {}
    for line in logs.splitlines():
        trial, message = line.split("\t", 4)[3:]
        if message.startswith("ARGS "):
            words = json.loads(message.removeprefix("ARGS "))
            printed[trial] = {word.lstrip("-").partition("=")[0]: word for word in words}, words
    told = {trial["trialId"]: trial["hyperparameters"] for trial in job.trials()}
    assert {values["word"] for values in told.values()} == set(VALUES)
    for trial, values in told.items():
        words = " ".join(printed[trial][1]).replace("=", " ")
        assert f"--word {values['word']}" in words
        assert f"--n {values['n']}" in words
        assert 'it\'s $(HOME) "so"' in printed[trial][1]


@pytest.mark.parametrize("name", ["learning-rate", "num_steps", "a.b", "True"])
def test_a_parameter_of_an_ordinary_name_is_admitted(user, name):
    job = user.job("ordinary", ECHO, job_file(params=[integer(name)]))
    printed, created = dry_run(user, job.folder / "hptune.yaml", "--module-name", "trainer.task")
    assert printed.code == 0, printed.err
    assert created.code == 0, created.err


def test_parameters_whose_names_yaml_misreads_are_admitted(user):
    refused = {}
    for name in MISREAD:
        job = user.job("misread", ECHO, job_file(params=[integer(name)], hyperparameterMetricTag=name))
        printed, created = dry_run(user, job.folder / "hptune.yaml", "--module-name", "trainer.task")
        if printed.code == 0 and created.code:
            refused[name] = created.err
    assert refused == {}


@pytest.mark.parametrize("path", [*TEXTS, *CASES], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_job_file_that_hptune_takes_is_admitted_by_katibs_webhooks(user, path):
    flags = ("--module-name", "trainer.task", "--job-dir", "s3://bucket/job", "--algorithm", "gp-bandit")
    printed, created = dry_run(user, path, *flags)
    if created is None:
        # What hptune refuses, it says in its own words; the other tests know which.
        assert printed.code == 2
        assert "Traceback" not in printed.err
    else:
        assert created.code == 0, created.err
