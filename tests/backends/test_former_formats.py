"""What earlier revisions wrote is read, described and taken up; see tests/fixtures/format-1/README.md."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hptune.backends.katib.experiment.annotations import read_submission
from hptune.backends.katib.experiment.build import build_experiment
from hptune.backends.katib.options import KatibOptions
from hptune.backends.local.backend import LocalBackend
from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import load_job
from hptune.results.cluster_results import load_cluster_results
from hptune.results.study import JobState, TrialState
from tests.entry_point import call

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "format-1"
NASTY = ["a'b\"c\\\n$HOME $$ $(HOME)", "ü☃😀"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A copy of the jobs at a place of its own; the current directory is that of their code."""
    root = tmp_path / "jobs"
    shutil.copytree(FIXTURES, root)
    for file in (*root.glob("*/hptune/job.json"), *root.glob("*/hptune/final/command.json")):
        text = file.read_text().replace("@ROOT@", str(root)).replace("@PYTHON@", sys.executable)
        file.write_text(text)
    monkeypatch.chdir(root / "code")
    return root


def starts(root):
    """The trials that ran since the jobs were copied."""
    file = root / "code" / "starts"
    return list(map(int, file.read_text().split())) if file.exists() else []


def run(name, *user_args, flags=""):
    place = f"--job-dir {Path.cwd().parent / name} --package-path trainer --module-name trainer.task"
    return call(f"run {name} --config {name}.yaml {place} {flags} --", *user_args)


USER_ARGS = {
    "finished": ("--x", "0.5", "--kind", "plain"),
    "resumed": (),
    "failed": ("--fail", "2", "--diverge", "3"),
    "stopped": ("--pause", "0.4", "--steps", "6"),
}
FLAGS = {"finished": "--seed 7", "failed": "--packages packages/tiny_extra-0.1-py3-none-any.whl"}


@pytest.mark.parametrize("name", USER_ARGS)
def test_a_job_that_ended_is_described_and_not_run_again(root, name):
    before = json.loads((root / name / "results.json").read_text())
    described = call(f"describe ../{name}")
    assert described.code == 0, described.err
    again = run(name, *USER_ARGS[name], flags=FLAGS.get(name, ""))
    assert again.code == 0, again.err
    assert starts(root) == []
    after = json.loads((root / name / "results.json").read_text())
    assert list(map(told, trials_of(after))) == list(map(told, trials_of(before)))
    status = LocalBackend(root / name).describe()
    assert status.state is JobState.SUCCEEDED
    assert len(status.study.trials) == len(trials_of(before))


def trials_of(results):
    return results["trainingOutput"]["trials"]


def told(trial):
    """What results say of a trial; one that measured NaN was once a success."""
    return {key: value for key, value in trial.items() if key != "state"}


def test_a_job_that_was_killed_goes_on_with_the_trial_that_it_was_killed_in(root):
    assert "CANCELLED" in call("describe ../killed").out
    (root / "code" / "go").touch()
    done = run("killed", "--hang", "2")
    assert done.code == 0, done.err
    assert starts(root) == [2, 3]
    study = LocalBackend(root / "killed").describe().study
    assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] * 3


def test_a_job_that_differs_is_refused_field_by_field(root):
    refused = run("finished", "--x", "0.5", flags="--seed 8")
    assert refused.code == 2
    assert 'args: ["--x", "0.5", "--kind", "plain"] -> ["--x", "0.5"]' in refused.err
    assert "seed: 7 -> 8" in refused.err
    assert starts(root) == []


def test_a_job_starts_from_the_trials_of_one_made_before(root):
    (root / "code" / "next.yaml").write_text((root / "code" / "resumed.yaml").read_text())
    done = run("next")
    assert done.code == 0, done.err
    record = json.loads((root / "next" / "hptune" / "job.json").read_text())
    assert len(record["earlierTrials"]) == 3


def test_trials_stay_as_they_ended(root):
    trials = LocalBackend(root / "stopped").describe().study.trials
    assert [trial.id for trial in trials if trial.stopped_early] == [7, 8, 9]
    trials = LocalBackend(root / "failed").describe().study.trials
    assert trials[1].message == "exited with code 1"
    assert trials[2].message == "accuracy was nan at step 3"
    assert str(trials[2].measurements[-1].value) == "nan"


def test_the_final_training_is_not_run_again(root):
    trained = call(f"train {root}/finished")
    assert trained.code == 0, trained.err
    assert starts(root) == []
    assert call(f"train {root}/finished --", "--x", "0.25").code == 0
    assert len(starts(root)) == 1


@pytest.mark.parametrize("name", ["failed", "stopped"])
def test_what_a_job_in_a_cluster_kept_is_what_the_job_was(root, name):
    kept = load_cluster_results(str(root / "kept" / name))
    known = LocalBackend(root / name).describe().study
    assert list(map(told_of, kept.study.trials)) == list(map(told_of, known.trials))
    assert replace(kept.study, trials=()) == replace(known, trials=())
    assert call(f"report ../kept/{name}").code == 0


def told_of(trial):
    return repr(replace(trial, state=TrialState.SUCCEEDED))


def experiment(name):
    return yaml.safe_load((FIXTURES / "experiments" / f"{name}.yaml").read_text())


@pytest.mark.parametrize(
    ("name", "job_file", "expected"),
    [
        (
            "command-on-a-volume",
            "hostile.yaml",
            {
                "program": Program(
                    command=("sh", "-c", 'exec python3 "$@" $(id) ${trialParameters.lr} `x`', "it's")
                ),
                "user_args": ("--text", *NASTY),
                "job_dir": "/mnt/hptune/hostile",
            },
        ),
        (
            "module-with-packages",
            "mnist.yaml",
            {
                "program": Program("trainer.mnist_mlp_lr_numsteps"),
                "user_args": ("--train-file", "gs://bucket/data.npz", "--note", "$(HOME) ${x} ü"),
                "job_dir": "gs://bucket/mnist",
                "packages": (f"gs://bucket/x.tar.gz#sha256={'0' * 64}", "gs://bucket/y.whl"),
                "seed": 11,
            },
        ),
        (
            "module-alone",
            "plain.yaml",
            {
                "program": Program("trainer.task"),
                "user_args": ("--data", "gs://bucket/data"),
                "job_dir": "",
                "pass_job_dir": False,
            },
        ),
    ],
)
def test_an_experiment_says_what_was_asked(name, job_file, expected, monkeypatch):
    monkeypatch.chdir(FIXTURES / "experiments" / "jobs")
    warnings = {"hostile.yaml": ("hostile.yaml:6: trainingInput.unknownField: unknown field, ignored",)}
    # Not those of today, which may be others.
    job = replace(load_job(Path(job_file)), warnings=warnings.get(job_file, ()))
    asked = Submission(name=Path(job_file).stem, job=job, **expected)
    made = read_submission(experiment(name))
    assert made == asked
    options = KatibOptions(volume_claim="jobs")
    assert read_submission(build_experiment(made, options)) == asked
