"""Submissions for a cluster, for the tests."""

import json
from dataclasses import replace

from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import parse_job

LR = {
    "parameterName": "lr",
    "type": "DOUBLE",
    "minValue": 0.001,
    "maxValue": 0.1,
    "scaleType": "UNIT_LOG_SCALE",
}


def submission(*params, user_args=(), job_dir="gs://bucket/job", training=None, **tuning):
    """A job over ``params``, or over a learning rate alone, with other fields of its hyperparameters."""
    tuning = {
        "hyperparameterMetricTag": "accuracy",
        "maxTrials": 10,
        "params": list(params) or [LR],
        **tuning,
    }
    text = json.dumps({**(training or {}), "hyperparameters": tuning})
    return of_job(parse_job(text, "job.yaml"), user_args=user_args, job_dir=job_dir)


def of_job(job, **changes):
    """A job with a trainer."""
    made = Submission(
        name="a-job", job=job, program=Program("trainer.task"), user_args=(), job_dir="gs://bucket/job"
    )
    return replace(made, **{**changes, "user_args": tuple(changes.get("user_args", ()))})


def ranged(name, kind, low, high, scale=None):
    """A DOUBLE or INTEGER parameter."""
    return {"parameterName": name, "type": kind, "minValue": low, "maxValue": high, "scaleType": scale}
