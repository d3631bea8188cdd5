"""Each trial has a directory, a TMPDIR and a port of its own; what the user's words named still works."""

import json
from pathlib import Path

import pytest

from hptune.trial.workspace import whole_argument
from tests.cases.side_by_side import both
from tests.cases.small_jobs import needs_shared, shared_case
from tests.entry_point import call

FIXED_NAME = """
a = parser.parse_args()
open({name}, "w").write(str(a.x))
time.sleep(0.4)
print(f"score={{open({name}).read()}}")
"""
NAMES = [
    "'model.txt'",
    "(os.makedirs('checkpoints', exist_ok=True), 'checkpoints/last')[1]",
    "__import__('tempfile').gettempdir() + '/model.txt'",
    "os.environ['TMPDIR'] + '/model.txt'",
    "os.environ['PWD'] + '/model.txt'",
]


@pytest.mark.parametrize("name", NAMES)
def test_trials_that_write_one_name_measure_their_own_model(folder, name):
    folder.write_job(maxTrials=4, maxParallelTrials=2)
    folder.write_trainer(FIXED_NAME.format(name=name))
    assert folder.run().code == 0
    for trial in folder.trials().values():
        assert trial["finalMetric"]["objectiveValue"] == float(trial["hyperparameters"]["x"])
    assert not (folder.path / "model.txt").exists()


def test_a_checkpoint_of_an_earlier_trial_is_not_found(folder):
    folder.write_job(maxTrials=3)
    folder.write_trainer(
        "a = parser.parse_args()\n"
        "x = float(open('best').read()) if os.path.exists('best') else a.x\n"
        "open('best', 'w').write(str(x)); print(f'score={x}')\n"
    )
    assert folder.run().code == 0
    for trial in folder.trials().values():
        assert trial["finalMetric"]["objectiveValue"] == float(trial["hyperparameters"]["x"])
    kept = folder.path / "out" / "hptune" / "trials" / "2" / "work" / "best"
    assert float(kept.read_text()) == float(folder.trials()[2]["hyperparameters"]["x"])


def test_trials_at_once_have_a_port_each(folder):
    folder.write_job(maxTrials=2, maxParallelTrials=2)
    folder.write_trainer(
        "import socket\n"
        "cluster = json.loads(os.environ['TF_CONFIG'])['cluster']\n"
        "host, port = cluster['master'][0].split(':')\n"
        "listener = socket.create_server((host, int(port))); time.sleep(0.5); print('score=1')\n"
    )
    ended = folder.run()
    assert ended.code == 0, ended.err
    assert {trial["state"] for trial in folder.trials().values()} == {"SUCCEEDED"}


READ = """
parser.add_argument("--data", nargs="+")
a = parser.parse_args()
print(a.data)
print(f"score={sum(float(open(path).read()) for each in a.data for path in each.split(','))}")
"""


@pytest.mark.parametrize(
    "args",
    [
        ["--data", "data/1.csv"],
        ["--data=data/1.csv"],
        ["--data", "./data/1.csv"],
        ["--data", "data/../data/1.csv"],
        ["--data=data/1.csv,data/0.csv"],
        ["--data", "data/1.csv", "data/0.csv"],
        ["--data", "link.csv"],
    ],
)
def test_files_that_arguments_name_are_read_from_where_the_job_was_submitted(folder, args):
    (folder.path / "data").mkdir()
    (folder.path / "data" / "1.csv").write_text("1")
    (folder.path / "data" / "0.csv").write_text("0")
    (folder.path / "link.csv").symlink_to("data/1.csv")
    folder.write_job()
    folder.write_trainer(READ)
    ended = folder.run("c", "--", *args)
    assert ended.code == 0, ended.err
    assert folder.trials()[1]["finalMetric"]["objectiveValue"] == 1
    record = json.loads((folder.path / "out" / "hptune" / "job.json").read_text())
    assert record["submission"]["userArgs"] == args
    trained = call("train out")
    assert trained.code == 0, trained.err


@pytest.mark.parametrize(
    ("token", "given"),
    [
        ("data", "{here}/data"),
        ("data/", "{here}/data/"),
        (".", "{here}/."),
        ("--in=data/a.csv", "--in={here}/data/a.csv"),
        ("data/*.csv", "{here}/data/*.csv"),
        ("none/*.csv", "none/*.csv"),
        ("data,none", "data,none"),
        ("/", "/"),
        ("", ""),
        ("-", "-"),
        ("--in=", "--in="),
        ("*", "*"),
        ("1", "1"),
        ("1,1", "1,1"),
        ("gs://bucket/data", "gs://bucket/data"),
        ("output", "output"),
        ("x" * 5000, "x" * 5000),
        ("a\0b", "a\0b"),
    ],
)
def test_only_what_names_something_becomes_a_whole_path(folder, token, given):
    (folder.path / "data").mkdir()
    (folder.path / "data" / "a.csv").touch()
    (folder.path / "1").mkdir()
    assert whole_argument(token, str(folder.path)) == given.replace("{here}", str(folder.path))


@pytest.mark.parametrize(
    "command",
    [
        ["python", "tools/task.py"],
        ["python", "-m", "tools.task"],
        ["sh", "tools/run.sh"],
        ["tools/run.sh"],
        ["./tools/run.sh"],
        ["sh", "-c", 'python "$HPTUNE_SUBMIT_DIR/tools/task.py"'],
    ],
)
def test_commands_of_relative_files_still_run(folder, command):
    (folder.path / "tools").mkdir()
    (folder.path / "tools" / "__init__.py").touch()
    (folder.path / "tools" / "task.py").write_text("print('score=1')\n")
    (folder.path / "tools" / "run.sh").write_text("#!/bin/sh\necho score=1\n")
    (folder.path / "tools" / "run.sh").chmod(0o755)
    folder.write_job(training={"masterConfig": {"containerCommand": command}})
    ended = folder.run(flags="")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("entry", ["lib", "", "."])
def test_relative_entries_of_pythonpath_still_count(folder, monkeypatch, entry):
    (folder.path / entry).mkdir(exist_ok=True)
    (folder.path / entry / "helper.py").write_text("SCORE = 1\n")
    monkeypatch.setenv("PYTHONPATH", f"{entry}:/nowhere")
    folder.write_job()
    folder.write_trainer("import helper; print(f'score={helper.SCORE}')\n")
    ended = folder.run()
    assert ended.code == 0, ended.err


def test_a_package_of_the_current_directory_is_found(folder):
    folder.write_job()
    folder.write_trainer("print(os.environ['HPTUNE_SUBMIT_DIR'], os.getcwd()); print('score=1')\n")
    ended = folder.run(flags="--module-name trainer.task")
    assert ended.code == 0, ended.err
    assert folder.log(1).startswith(f"{folder.path} {folder.path}/out/hptune/trials/1/work\n")


def test_a_pod_gives_a_trial_the_same_of_its_own(folder, tmp_path):
    (folder.path / "data.csv").write_text("1,2")
    trials = both(tmp_path, "with_workspace", "score", "--data", "data.csv", cwd=folder.path)
    seen = [json.loads(trial.log.splitlines()[0]) for trial in trials]
    for trial, each in zip(trials, seen, strict=True):
        # Both ran at once, with the same names.
        assert (each["found"], each["kept"]) == ([False, False], [True, True])
        assert each["work"] == str(trial.directory.work)
        assert not Path(each["temporary"]).exists()
        assert (each["submitted"], each["data"]) == (str(folder.path), "1,2")
    assert seen[0]["port"] != seen[1]["port"]
    assert seen[0]["temporary"] != seen[1]["temporary"]


@needs_shared
@pytest.mark.parametrize(("name", "parameter"), [("shared-cwd", "quality"), ("shared_cwd", "x")])
def test_the_shared_trainers_measure_their_own_model(tmp_path, monkeypatch, name, parameter):
    case = shared_case(name, tmp_path)
    monkeypatch.chdir(case.path)
    assert case.run().code == 0
    for trial in case.trials().values():
        assert trial["finalMetric"]["objectiveValue"] == float(trial["hyperparameters"][parameter])
