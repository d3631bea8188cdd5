"""The tune step of a pipeline with its trials in a cluster: a stand-in that runs their commands for real."""

import json
import shlex

import numpy as np
import pytest
from tiny_jobs import PRELUDE, job_text

from hptune.backends.katib.experiment.annotations import read_submission
from hptune.errors import JobDirError, UsageError
from hptune.results.study import JobState
from hptune.steps.trainer import Trainer
from hptune.steps.tune import summarize, tune
from tests.entry_point import call

BODY = """
import numpy
rows = len(numpy.load(args["train-file"])["x"])
print(f"accuracy={x + rows}")
"""


class Step:
    def __init__(self, folder, katib):
        self.server = katib.server
        self.folder = folder
        self.volume = folder / "volume"
        self.volume.mkdir()
        self.katib = {"volume_claim": "jobs", "mount_path": str(self.volume)}
        self.package = folder / "src" / "tiny_trainer"
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").touch()
        starts = f"scratch = {str(folder)!r}\n"
        (self.package / "task.py").write_text(
            PRELUDE.replace("scratch = os.path.dirname(__file__)\n", starts) + BODY
        )
        self.data = self.write_data("data", 9)

    def write_data(self, name, rows):
        path = self.folder / name
        np.savez(path.open("wb"), x=np.zeros(rows))
        return path

    def run(self, data=None, **options):
        trainer = Trainer("tiny_trainer.task", str(self.package))
        given = {"name": "tiny", "job_dir": str(self.volume / "job"), "katib": self.katib, **options}
        return tune(job_text(maxTrials=2), data=data or self.data, trainer=trainer, backend="katib", **given)

    @property
    def starts(self):
        path = self.folder / "starts"
        return list(map(int, path.read_text().split())) if path.exists() else []


@pytest.fixture
def step(tmp_path, katib, kubeconfig):
    assert kubeconfig
    return Step(tmp_path, katib)


def test_trials_read_the_steps_data_and_its_package_from_the_jobs_directory(step, capsys):
    status = step.run()
    assert status.state is JobState.SUCCEEDED
    assert all(trial.final.value == trial.parameters["x"] + 9 for trial in status.study.trials)
    assert summarize(status.study)["trials"] == 2
    [experiment] = step.server.all("experiments")
    assert experiment["metadata"]["namespace"] == "team", "the kubeconfig's own"
    progress = capsys.readouterr().err
    assert "trial 1/2 runs: x=" in progress
    assert "trial 2/2 SUCCEEDED" in progress


def test_a_step_that_is_run_again_runs_nothing_again(step):
    first = step.run()
    again = step.run(data=step.write_data("the same", 9))
    assert again.study == first.study
    assert step.starts == [1, 2]


def test_other_data_is_another_job(step):
    step.run()
    with pytest.raises(JobDirError, match="is another job"):
        step.run(data=step.write_data("other", 8))


@pytest.mark.parametrize(
    ("job_dir", "problem"),
    [
        ("", "job_dir: is missing; trials in pods"),
        ("/nowhere/job", "job_dir: '/nowhere/job' is a path; it must be on"),
    ],
)
def test_a_place_that_trials_cannot_reach_is_refused(step, job_dir, problem):
    with pytest.raises(UsageError, match=problem):
        step.run(job_dir=job_dir, katib={**step.katib, "volume_claim": None})
    assert step.server.all("experiments") == []


def test_everything_that_the_cluster_would_be_told_and_is_not_allowed_is_named_before_it_is_asked(step):
    with pytest.raises(UsageError) as caught:
        step.run(katib={**step.katib, "algorithm": "magic", "gpus": "two", "cpus": 1})
    assert [fault.place for fault in caught.value.faults] == ["katib.algorithm", "katib.gpus", "katib.cpus"]
    assert step.server.all("experiments") == []


OPTIONS = {
    "algorithm": "gp-bandit",
    "image": "registry.test/trainer:1",
    "gpus": 1.0,
    "accelerator": "any",
    "cpu": "500m",
    "memory": "2Gi",
    "shared_memory": "1Gi",
    "service_account": "runner",
    "secret": "keys",
    "node_selector": {"pool": "spot"},
    "labels": {"team": "research"},
    "priority_class": "low",
}


def made_experiments(server):
    """The Experiments as they were created, as JSON, without what the server adds."""
    added = [
        event["object"]
        for _, plural, event in server.history
        if (plural, event["type"]) == ("experiments", "ADDED")
    ]
    for each in added:
        del each["metadata"]["resourceVersion"], each["metadata"]["creationTimestamp"]
    return [json.dumps(each) for each in added]


def test_the_step_and_hptune_submit_make_the_same_experiment_to_the_byte(step, monkeypatch):
    given = {**step.katib, **OPTIONS}
    step.run(katib=given)
    server = step.server
    [experiment] = server.all("experiments")
    data = read_submission(experiment).user_args[-1]
    server.remove("experiments", experiment["metadata"]["name"])
    # The step has no file's name to put into messages.
    monkeypatch.chdir(step.folder)
    (step.folder / "job_file").write_text(job_text(maxTrials=2))
    words = ["submit", "tiny", "--async", "--config", "job_file", "--job-dir", str(step.volume / "job")]
    words += ["--module-name", "tiny_trainer.task", "--package-path", str(step.package)]
    words += ["--namespace", "team", *(word for name, value in given.items() for word in flags(name, value))]
    result = call(shlex.join([*words, "--", "--train-file", data]))
    assert result.code == 0, result.err
    by_step, by_submit = made_experiments(server)
    assert by_step == by_submit


def flags(name, value):
    """An option as people type it: KFP's floats are whole numbers there, a label may be repeated."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, dict):
        return [word for key, text in value.items() for word in (flag, f"{key}={text}")]
    return [flag, str(int(value)) if isinstance(value, float) else value]
