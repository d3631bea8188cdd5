"""The compiled pipeline."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipelines.cli import cli

ROOT = Path(__file__).parents[2]
SNAPSHOTS = Path(__file__).parent / "snapshots"
# To write them anew: UPDATE_SNAPSHOTS=1 pytest tests/pipelines/test_mnist_hptune.py
UPDATE = os.environ.get("UPDATE_SNAPSHOTS")
IMAGES = {"HPTUNE_IMAGE": "registry.test/hptune:1", "HPTUNE_TRAINER_IMAGE": "registry.test/trainer:1"}
ACCELERATOR_PARAMETERS = {"accelerator_type", "accelerator_count", "node_selector", "tolerations"}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Documents of the pipeline without and with a GPU, without the version of kfp."""
    return [compile_(gpus, tmp_path_factory.mktemp("compiled")) for gpus in (0, 1)]


def compile_(gpus, folder, *flags):
    package = folder / "pipeline.yaml"
    command = [
        sys.executable,
        "-m",
        "pipelines.mnist_hptune",
        "compile",
        "--gpus",
        str(gpus),
        "-o",
        str(package),
        *flags,
    ]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **IMAGES}, check=True, capture_output=True)
    documents = list(yaml.safe_load_all(package.read_text()))
    documents[0].pop("sdkVersion")
    return documents


def executors(documents):
    return documents[0]["deploymentSpec"]["executors"]


def parameters(documents):
    return documents[0]["root"]["inputDefinitions"]["parameters"]


@pytest.mark.parametrize("gpus", [0, 1])
def test_equals_its_snapshot(compiled, gpus):
    snapshot = SNAPSHOTS / f"{gpus}_gpus.yaml"
    if UPDATE:
        snapshot.write_text(yaml.safe_dump_all(compiled[gpus], width=120))
    assert compiled[gpus] == list(yaml.safe_load_all(snapshot.read_text()))


@pytest.mark.parametrize("gpus", [0, 1])
def test_is_a_pipeline_spec(compiled, gpus):
    spec = json_format.ParseDict(compiled[gpus][0], pipeline_spec_pb2.PipelineSpec())
    assert set(spec.root.dag.tasks) == {"download", "preprocess", "tune", "train", "report"}


@pytest.mark.parametrize("gpus", [0, 1])
def test_every_parameter_has_a_description_and_a_default_on_one_line(compiled, gpus):
    for name, parameter in parameters(compiled[gpus]).items():
        assert parameter["description"].strip(), name
        assert "\n" not in str(parameter["defaultValue"]), name


def test_every_input_of_a_component_has_a_description(compiled):
    for component in compiled[1][0]["components"].values():
        inputs = component["inputDefinitions"]
        for name, described in {**inputs.get("artifacts", {}), **inputs.get("parameters", {})}.items():
            assert described["description"].strip(), name


def test_without_gpus_nothing_asks_for_any(compiled):
    assert not ACCELERATOR_PARAMETERS & set(parameters(compiled[0]))
    assert all("resources" not in executor["container"] for executor in executors(compiled[0]).values())
    assert len(compiled[0]) == 1, "no settings of Kubernetes"


def test_with_a_gpu_only_tune_and_train_ask_for_it(compiled):
    asking = {
        name for name, executor in executors(compiled[1]).items() if "resources" in executor["container"]
    }
    assert asking == {"exec-tune", "exec-train"}
    settings = compiled[1][1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(settings) == asking
    assert all({"nodeSelector", "tolerations"} <= set(each) for each in settings.values())


def test_a_tune_step_that_only_watches_asks_for_no_gpu(tmp_path):
    documents = compile_(1, tmp_path, "--backend", "katib")
    assert parameters(documents)["backend"]["defaultValue"] == "katib"
    assert "resources" not in executors(documents)["exec-tune"]["container"]
    assert "resources" in executors(documents)["exec-train"]["container"]


def test_what_talks_to_the_object_store_has_its_keys_where_there_are_any(tmp_path):
    settings = compile_(0, tmp_path, "--backend", "katib")[1]
    given = settings["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(given) == {"exec-download", "exec-tune"}
    for executor in given.values():
        (secret,) = executor["secretAsEnv"]
        assert secret["secretName"] == "hptune-object-store"
        assert secret["optional"] is True
        keys = {entry["secretKey"]: entry["envVar"] for entry in secret["keyToEnv"]}
        assert {"MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"} <= keys.keys()
        assert all(key == variable for key, variable in keys.items())


def test_trials_run_in_the_image_of_the_trainer(compiled):
    assert parameters(compiled[0])["trial_image"]["defaultValue"] == IMAGES["HPTUNE_TRAINER_IMAGE"]


def test_the_count_is_a_text_since_kfp_skips_a_number(compiled):
    count = parameters(compiled[1])["accelerator_count"]
    assert (count["parameterType"], count["defaultValue"]) == ("STRING", "1")


def test_nodes_are_those_of_the_job_files_machine_by_default(compiled):
    # hptune.yaml asks for standard_gpu, a K80, for which GKE now has a T4.
    selector = parameters(compiled[1])["node_selector"]["defaultValue"]
    assert selector == {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"}


def test_the_tune_step_is_never_cached(compiled):
    tasks = compiled[0][0]["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}
    assert cached == set(tasks) - {"tune"}


def test_images_are_those_of_the_environment(compiled):
    images = {name: executor["container"]["image"] for name, executor in executors(compiled[0]).items()}
    trainer, hptune = IMAGES["HPTUNE_TRAINER_IMAGE"], IMAGES["HPTUNE_IMAGE"]
    assert {images["exec-tune"], images["exec-train"]} == {trainer}
    assert {images[f"exec-{step}"] for step in ("download", "preprocess", "report")} == {hptune}


@pytest.mark.parametrize(("gpus", "warned"), [("0", False), ("1", True)])
def test_a_gpu_that_gke_no_longer_has_is_named(tmp_path, gpus, warned):
    result = CliRunner().invoke(cli, ["compile", "--gpus", gpus, "-o", str(tmp_path / "pipeline.yaml")])
    assert result.exit_code == 0
    assert ("NVIDIA_TESLA_K80 of standard_gpu is gone from GKE" in result.stderr) is warned
