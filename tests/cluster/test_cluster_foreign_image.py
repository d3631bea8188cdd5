"""Trials in an image of the user's, in which there is no hptune."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.cluster.build.images import build_flags
from tests.cluster.users import HPTUNE, SECRET, SMALL, job_file

SMALL_IMAGES = Path(__file__).parents[1] / "images" / "small"


@pytest.fixture(scope="session")
def small_image(cluster):
    """Builds a target of tests/images/small and pushes it; returns its address."""

    def push(target):
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(SMALL_IMAGES.iterdir())))
        address = f"{cluster.registry}/small-{target}:{digest.hexdigest()[:12]}"
        engine = cluster.engine
        engine.prepare()
        environment = {**os.environ, **engine.environment}
        with build_flags(engine) as flags:
            commands = [["build", f"--target={target}", f"--tag={address}", *flags, SMALL_IMAGES]]
            for words in (*commands, ["push", address]):
                subprocess.run([engine.client, *map(str, words)], env=environment, check=True)
        return address

    return push


def submit(user, job, image, *more):
    flags = ["--config", job.folder / "hptune.yaml", "--namespace", user.namespace, "--secret", SECRET]
    flags += ["--job-dir", job.job_dir, "--hptune-image", user.image, "--master-image-uri", image, *SMALL]
    return user.run(HPTUNE, "submit", job.name, *flags, *more, timeout_s=420)


@pytest.mark.parametrize("target", ["shell", "python"])
def test_an_image_runs_unchanged_by_what_its_registry_says_that_it_runs(user, small_image, target):
    """The one has no Python and no C library, the other runs as root in a directory of root's alone."""
    job = user.job(f"foreign-{target}", "", job_file(maxTrials=2, algorithm="RANDOM_SEARCH"))
    done = submit(user, job, small_image(target))
    assert done.code == 0, done.err
    trials = job.trials()
    assert len(trials) == 2
    for trial in trials:
        assert trial["finalMetric"]["objectiveValue"] == float(trial["hyperparameters"]["x"])
    # The trainer's own output, as the trial program has kept it.
    logs = user.hptune("stream-logs", *job.words).out
    assert logs.count("score=") == 2
