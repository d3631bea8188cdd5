"""Trainers in interpreters that know nothing of hptune."""

import subprocess
import sys
from pathlib import Path

import pytest

from hptune.runtimes.interpreters import ask
from tests.cases.small_jobs import Folder
from tests.entry_point import call

PYTHON_2 = Path.home() / ".pyenv" / "versions" / "2.7.18" / "bin" / "python"
TASK = """
import argparse, sys
import hypertune
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--job-dir")
args = parser.parse_args()
sys.stdout.write("python %d.%d in %s\\n" % (sys.version_info[0], sys.version_info[1], sys.prefix))
report = hypertune.HyperTune().report_hyperparameter_tuning_metric
report(hyperparameter_metric_tag="score", metric_value=args.x, global_step=1)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Folder(tmp_path)
    made.write_job(maxTrials=1)
    made.write_trainer(TASK, arguments="")
    return made


def run(*flags):
    command = ["run j --config hptune.yaml --package-path trainer --module-name trainer.task --job-dir out"]
    return call(" ".join([*command, *flags]))


@pytest.mark.skipif(ask(str(PYTHON_2)) is None, reason=f"needs a Python 2 at {PYTHON_2}")
def test_a_trainer_runs_in_python_2_and_reports_by_hypertune(folder):
    ended = run(f"--python {PYTHON_2}")
    assert ended.code == 0, ended.err
    assert "python 2.7 in" in folder.log(1)
    assert folder.trials()[1]["finalMetric"]["trainingStep"] == "1"


def test_a_trainer_runs_in_a_virtual_environment_without_hptune_which_train_uses_again(folder):
    venv = folder.path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    ended = run(f"--python {venv / 'bin' / 'python'}")
    assert ended.code == 0, ended.err
    assert f"in {venv}" in folder.log(1)
    assert call("train out").code == 0
    assert f"in {venv}" in (folder.path / "out" / "hptune" / "final" / "log.txt").read_text()


def test_an_interpreter_that_does_not_run_is_refused_before_anything_is_written(folder):
    refused = run("--python /bin/false")
    assert refused.code == 2
    assert "--python: '/bin/false' is no Python that can be run" in refused.err
    assert not (folder.path / "out").exists()


@pytest.mark.usefixtures("folder")
def test_flags_that_contradict_each_other_are_refused():
    assert "--python: names the interpreter of" in run("--python x --runtime tf1").err
