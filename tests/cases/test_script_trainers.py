"""Trainers that are scripts, and trainers whose summaries lie where their arguments say."""

import pytest

from tests.cases.small_jobs import needs_shared, shared_case
from tests.entry_point import call

SCORE = """
arguments, _ = parser.parse_known_args()
import helper
print(f"score={helper.score(arguments.x)}")
"""


@pytest.fixture
def script(folder):
    folder.write_job(maxTrials=1)
    folder.write_trainer(SCORE)
    for name in ("task.py", "__init__.py"):
        (folder.path / "trainer" / name).rename(folder.path / name)
    (folder.path / "__init__.py").unlink()
    (folder.path / "helper.py").write_text("def score(x):\n    return x\n")
    return folder


@pytest.mark.parametrize("flags", ["--module-name task", "--command 'python task.py'"])
def test_a_script_in_the_current_directory_runs_with_its_siblings(script, flags):
    ended = script.run(flags=flags)
    assert ended.code == 0, ended.err
    assert script.trials()[1]["state"] == "SUCCEEDED"


def test_a_directory_without_init_is_told_of_command_which_works(script):
    refused = script.run(flags="--package-path . --module-name task")
    assert refused.code == 2
    assert "run its script with --command 'python SCRIPT'" in refused.err
    assert "--module-name" not in refused.err
    assert script.run(flags="--command 'python task.py'").code == 0


def test_a_command_that_is_not_there_is_named_before_anything_runs(folder):
    folder.write_job(training={"masterConfig": {"containerCommand": ["no-such-Rscript", "train.R"]}})
    refused = folder.run(flags="")
    assert refused.code == 2
    assert "'no-such-Rscript' is not on PATH" in refused.err
    assert "or name an image that has it with --master-image-uri" in refused.err
    assert not (folder.path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            "--module-name task.py",
            "'task.py' is the name of a file; in its directory --module-name task runs",
        ),
        ("--module-name ./task.py", "'./task.py' is not the name of a Python module"),
        (
            "--command task.py",
            "'task.py' is not on PATH; install it, give its path, run it as in 'python task.py', or name",
        ),
        ("--command 'python tsak.py'", "there is no file 'tsak.py' in "),
    ],
)
def test_what_is_nearly_right_is_told_of_what_is(script, flags, told):
    refused = script.run(flags=flags)
    assert refused.code == 2
    assert told in refused.err
    assert refused.err.count("hptune: ") == 1
    assert not (script.path / "out").exists()


def test_a_file_in_a_directory_without_init_is_a_module_too(script):
    (script.path / "inner").mkdir()
    for name in ("task.py", "helper.py"):
        (script.path / name).rename(script.path / "inner" / name)
    ended = script.run(flags="--module-name inner.task")
    assert ended.code == 0, ended.err


def test_command_and_module_together_are_refused(folder):
    folder.write_job()
    folder.write_trainer("")
    refused = call(
        "run j --config hptune.yaml --module-name trainer.task --command 'python x.py' --job-dir out"
    )
    assert refused.code == 2
    assert "--command: stands in place of --module-name" in refused.err


@needs_shared
def test_the_shared_script_runs_in_both_ways(tmp_path, monkeypatch):
    folder = shared_case("script_trainer", tmp_path)
    monkeypatch.chdir(folder.path)
    assert call("run a --config hptune.yaml --module-name task --job-dir out").code == 0
    assert call("run b --config cmd.yaml --job-dir out2").code == 0
    assert {trial["state"] for trial in folder.trials().values()} == {"SUCCEEDED"}


@needs_shared
def test_the_shared_trainers_summaries_are_found_below_its_output_dir(tmp_path, monkeypatch):
    folder = shared_case("summaries_elsewhere", tmp_path)
    # Each loads TensorFlow.
    folder.with_max_trials("hptune.yaml", 2)
    monkeypatch.chdir(folder.path)
    flags = "--config hptune.yaml --package-path trainer --module-name trainer.task --job-dir out"
    ended = call(f"run c {flags}", "--", "--output_dir", "model")
    assert ended.code == 0, ended.err
    for trial in folder.trials().values():
        error = (float(trial["hyperparameters"]["lr"]) - 0.3) ** 2
        assert trial["finalMetric"]["objectiveValue"] == pytest.approx(error, abs=1e-6)
