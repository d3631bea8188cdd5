"""Jobs whose trainers take a moment: a module of a few lines that prints its objective."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from hptune.backends.base import Backend
from hptune.backends.local.backend import LocalBackend
from hptune.job.submission import Submission
from hptune.job.tuning_job import parse_job

# What every trainer begins with: its arguments (the last of a name wins), its trial, and a note of its start
# outside the job's directory.
PRELUDE = """
import os, signal, sys, time
args = dict(zip((name.removeprefix("--") for name in sys.argv[1::2]), sys.argv[2::2]))
trial = int(os.environ["CLOUD_ML_TRIAL_ID"])
x = float(args["x"])
scratch = os.path.dirname(__file__)
with open(os.path.join(scratch, "starts"), "a") as file:
    file.write(f"{trial}\\n")
"""
SPACE = [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]


def job_text(*, space=SPACE, scheduling=None, **tuning):
    tuning = {"hyperparameterMetricTag": "accuracy", "algorithm": "RANDOM_SEARCH", "params": space, **tuning}
    return json.dumps({"scheduling": scheduling, "hyperparameters": tuning})


def ignore(_study, _trial):
    """Observes nothing."""


class TinyJob:
    """A job of a tiny trainer, wherever it runs.

    Attributes:
        submission: The job.
        scratch: Where its trainer is.
        backend: What runs it.
    """

    submission: Submission
    scratch: Path
    backend: Backend

    @property
    def root(self):
        return Path(self.submission.job_dir)

    @property
    def starts(self):
        """The trial of each start of a trainer, in order."""
        path = self.scratch / "starts"
        return list(map(int, path.read_text().split())) if path.exists() else []

    @property
    def results(self):
        return json.loads((self.root / "results.json").read_text())["trainingOutput"]

    def run(self, observe=ignore):
        return self.backend.run(self.submission, observe).study

    def write_trainer(self, body):
        (self.scratch / "tiny_trainer.py").write_text(PRELUDE + body)


@dataclass
class Job(TinyJob):
    """A job of this machine, and what it takes to run it."""

    submission: Submission
    scratch: Path
    backend: LocalBackend = field(init=False)

    def __post_init__(self):
        self.backend = LocalBackend(self.root)

    def changed(self, **tuning):
        """The same job with another job file."""
        job = parse_job(job_text(**tuning), "job.yaml")
        return Job(replace(self.submission, job=job), self.scratch)
