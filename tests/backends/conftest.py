import multiprocessing

import pytest
from tiny_jobs import Job, job_text

from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import parse_job


@pytest.fixture
def make_job(tmp_path):
    def make(body="print(f'accuracy={x}')", *, name="job", user_args=(), **tuning):
        scratch = tmp_path / f"{name}-trainer"
        scratch.mkdir()
        submission = Submission(
            name=name,
            job=parse_job(job_text(**tuning), "job.yaml"),
            program=Program("tiny_trainer", python_path=(str(scratch),)),
            user_args=user_args,
            job_dir=str(tmp_path / name),
        )
        job = Job(submission, scratch)
        job.write_trainer(body)
        return job

    return make


@pytest.fixture(scope="session")
def processes():
    """Starts the command line in processes that have imported it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hptune.cli.app"])
    return context
