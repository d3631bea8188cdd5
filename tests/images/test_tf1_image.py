"""The image of --runtime tf1: TensorFlow 1 in an environment of its own, and hptune beside it."""

from pathlib import Path

import pytest

from hptune.job.runtime import API_VARIABLE, IMAGE_PYTHON, RuntimeKind
from hptune.job.submission import Program
from hptune.runtimes import managed
from hptune.storage.job_dir import TrialDir
from hptune.trial.spec import TRIAL_FORM, TrialSpec

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def tf1_image(engine, base_image):
    return engine.build("trainer-tf1", "test", BASE_IMAGE=base_image, TENSORFLOW="tensorflow-cpu")


def test_the_environment_is_that_of_a_users_machine(engine, tf1_image):
    frozen = engine.run(tf1_image, IMAGE_PYTHON, "-m", "pip", "freeze").stdout.lower().replace("_", "-")
    wanted = {each.lower().replace("_", "-") for each in managed.requirements("tensorflow-cpu")}
    assert {each for each in wanted if not each.startswith("setuptools")} <= set(frozen.splitlines())


@pytest.mark.parametrize(
    ("runtime", "version"), [(RuntimeKind.TF1, "1.15.5"), (RuntimeKind.KERAS2, "2.15.1")]
)
def test_a_trial_of_a_runtime_has_its_tensorflow(engine, tf1_image, runtime, version):
    code = "import tensorflow as tf; print('score=1', tf.__version__)"
    spec = TrialSpec(
        trial_id="1",
        job_id="j",
        metric="score",
        program=Program(
            command=("python", "-c", code),
            python=IMAGE_PYTHON,
            variables={API_VARIABLE: runtime.tensorflow_api},
        ),
        directory=TrialDir(Path("/tmp/out"), Path("/tmp/state")),
    )
    script = 'printf %s "$1" > /tmp/1.json; python -P -m hptune.trial /tmp/1.json'
    printed = engine.run(tf1_image, "sh", "-c", script, "sh", TRIAL_FORM.text(spec)).stdout
    assert f"score=1 {version}" in printed
