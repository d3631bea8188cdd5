"""Both images, built and run in a real engine."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from hptune.job.submission import Program
from hptune.storage.job_dir import TrialDir
from hptune.trial.spec import TRIAL_FORM, TrialSpec

ROOT = Path(__file__).parents[2]
MEGABYTE = 1e6

pytestmark = pytest.mark.docker


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text):
    """The versions in pip's ``name==version`` lines."""
    pairs = (line.split("==") for line in text.splitlines() if "==" in line)
    return {canonical(name): version for name, version in pairs}


@pytest.fixture(scope="module")
def constraints():
    return pins((ROOT / "constraints.txt").read_text())


def test_images_run_as_a_numeric_user_who_is_not_root(engine, image):
    user = engine.inspect(image)["Config"]["User"]
    assert user.isdigit()
    assert engine.python(image, "import os; print(os.getuid())") == user != "0"


def test_images_have_no_entrypoint_that_would_stand_before_a_command_of_kfp(engine, image):
    assert not engine.inspect(image)["Config"]["Entrypoint"]


def test_images_are_labelled_with_the_revision(engine, image):
    labels = engine.inspect(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == engine.revision
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_images_have_the_library_with_its_command_and_its_version(engine, image):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert engine.python(image, "import hptune; print(hptune.__version__)") == version
    assert "Usage: hptune" in engine.run(image, "hptune", "--help").stdout


def test_images_run_a_lightweight_component_of_kfp(engine, image):
    result = engine.run(image, "python3", "-m", "kfp.dsl.executor_main", "--help")
    assert "--component_module_path" in result.stdout


def test_any_user_can_run_the_images_and_has_a_home(engine, image):
    code = (
        "from pathlib import Path; import hptune.cli.app; Path.home().joinpath('x').touch(); print('written')"
    )
    assert engine.python(image, code, "--user=4321:4321") == "written"


def test_tensorflow_is_in_the_trainer_image_alone(engine, hptune_image, trainer_image, constraints):
    code = "import importlib.util; print(importlib.util.find_spec('tensorflow'))"
    assert engine.python(hptune_image, code) == "None"
    version = engine.python(trainer_image, "import tensorflow; print(tensorflow.__version__)")
    assert version == constraints["tensorflow-cpu"]


def test_every_package_in_the_images_has_its_version_in_the_constraints(engine, image, constraints):
    frozen = pins(engine.run(image, "pip", "freeze").stdout)
    assert {"kfp", "optuna"} <= frozen.keys()
    assert {name: version for name, version in frozen.items() if constraints.get(name) != version} == {}


def test_neither_secrets_nor_the_registry_are_in_any_layer_or_in_the_history(engine, image):
    control, longest = "Name: hptune", max(map(len, engine.unwanted))
    found, tail = set(), b""
    for chunk in engine.saved(image):
        found |= {text for text in (control, *engine.unwanted) if text.encode() in tail + chunk}
        tail = chunk[-longest:]
    assert found == {control}, "the control, which is in every image, shows that the search sees files"
    history = engine.docker("history", "--no-trunc", image).stdout
    assert [text for text in engine.unwanted if text in history] == []


def test_images_leave_nothing_of_their_build_behind(engine, image):
    code = "import pathlib; print([str(p) for d in ('/tmp', '/mnt', '/source', '/wheels', '/run/secrets', "
    code += "'/var/cache/pip', '/home/hptune') for p in pathlib.Path(d).glob('*')])"
    assert engine.python(image, code) == "[]"


def test_a_change_of_code_makes_a_small_layer(engine, image, base_image, capsys):
    listed = engine.docker("history", "--human=false", "--format={{json .}}", image).stdout
    sizes = [int(layer["Size"]) for layer in map(json.loads, listed.splitlines())]
    added = engine.inspect(image)["Size"] - engine.inspect(base_image)["Size"]
    last = next(size for size in sizes if size)
    with capsys.disabled():
        print(f"\n{image}: {added / MEGABYTE:.0f} MB over its base, {last / MEGABYTE:.1f} MB the library")
    assert last < 5 * MEGABYTE
    assert added < (2300 if "trainer" in image else 700) * MEGABYTE


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Sixty tiny images, which any user may read."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    images, labels = rng.random((60, 4, 4), dtype=np.float32), rng.integers(0, 10, 60)
    np.savez(folder / "tiny.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    folder.chmod(0o755)
    return folder


def run_trial(engine, image, data_dir, *user_args):
    spec = TrialSpec(
        trial_id="1",
        job_id="tiny",
        metric="accuracy",
        program=Program("trainer.mnist_mlp_lr_numsteps"),
        directory=TrialDir(Path("/tmp/out"), Path("/tmp/state")),
        user_args=("--train-file=/data/tiny.npz", *user_args),
        parameters={"lr": "0.1", "num-steps": "3"},
    )
    run = 'printf %s "$1" > /tmp/1.json; python -m hptune.trial /tmp/1.json'
    script = f"{run}; code=$?; cat /tmp/state/*; exit $code"
    command = ["sh", "-c", script, "sh", TRIAL_FORM.text(spec)]
    return engine.run(image, *command, options=[f"--volume={data_dir}:/data:ro"], check=False)


def test_the_example_trainer_runs_as_a_trial_in_its_image(engine, trainer_image, data_dir):
    result = run_trial(engine, trainer_image, data_dir)
    assert result.returncode == 0, result.stderr
    assert "step 3: accuracy" in result.stdout


def test_a_trial_that_fails_in_its_image_ends_with_1_and_with_the_trainers_words(
    engine, trainer_image, data_dir
):
    result = run_trial(engine, trainer_image, data_dir, "--batch-size=none")
    assert result.returncode == 1
    assert "--batch-size: invalid int value: 'none'" in result.stdout + result.stderr


def test_another_trainer_is_built_in_with_what_it_requires(engine, base_image):
    arguments = {"BASE_IMAGE": base_image, "TENSORFLOW": "tensorflow-cpu"}
    image = engine.build("trainer", "other", TRAINER="tests/trainers/hypertune_style", **arguments)
    code = "import hypertune, trainer.task, importlib.metadata as m; print(m.version('digits_trainer'))"
    assert engine.python(image, code) == "0.1"
