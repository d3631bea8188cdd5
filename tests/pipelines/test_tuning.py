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

from hptune.backends.katib.options import KatibOptions
from hptune.job.tuning_job import parse_job
from pipelines.__main__ import cli
from pipelines.mnist import MNIST

ROOT = Path(__file__).parents[2]
SNAPSHOTS = Path(__file__).parent / "snapshots"
# To write them anew: UPDATE_SNAPSHOTS=1 pytest tests/pipelines/test_tuning.py
UPDATE = os.environ.get("UPDATE_SNAPSHOTS")
IMAGES = {"HPTUNE_IMAGE": "registry.test/hptune:1", "HPTUNE_TRAINER_IMAGE": "registry.test/trainer:1"}
GPU = "nvidia.com/gpu"
JOB_FILE = """\
trainingInput:
  hyperparameters:
    params:
    - {parameterName: "n", type: CATEGORICAL, categoricalValues: [ON, 1e-3, no]}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Documents of the pipeline without and with a GPU, without the version of kfp."""
    return [compile_(gpus, tmp_path_factory.mktemp("compiled")) for gpus in (0, 1)]


def compile_(gpus, folder, *flags, module="pipelines.mnist"):
    package = folder / "pipeline.yaml"
    command = [
        sys.executable,
        "-m",
        module,
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


def resources(documents):
    containers = {name: executor["container"] for name, executor in executors(documents).items()}
    return {
        name: container["resources"] for name, container in containers.items() if "resources" in container
    }


def asking_for_a_gpu(documents):
    return {name for name, asked in resources(documents).items() if "accelerator" in asked}


def test_without_gpus_nothing_asks_for_any(compiled):
    assert asking_for_a_gpu(compiled[0]) == set()
    assert parameters(compiled[0])["trainer_node_selector"]["defaultValue"] == {}
    assert parameters(compiled[0])["trainer_tolerations"]["defaultValue"] == []


def test_with_a_gpu_only_tune_and_train_ask_for_it(compiled):
    asking = asking_for_a_gpu(compiled[1])
    assert asking == {"exec-tune", "exec-train"}
    accelerator = resources(compiled[1])["exec-tune"]["accelerator"]
    assert (accelerator["resourceType"], accelerator["resourceCount"]) == (GPU, "1")
    settings = compiled[1][1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(settings) == asking
    assert all({"nodeSelector", "tolerations"} <= set(each) for each in settings.values())
    [toleration] = parameters(compiled[1])["trainer_tolerations"]["defaultValue"]
    assert toleration == {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}


def requests(documents):
    names = ("resourceCpuRequest", "resourceMemoryRequest")
    return {name: tuple(asked.get(each) for each in names) for name, asked in resources(documents).items()}


LIGHT = ("250m", "512Mi")


def test_every_step_asks_for_cpu_and_memory(compiled, tmp_path):
    light = dict.fromkeys(["exec-download", "exec-preprocess", "exec-report"], LIGHT)
    heavy = dict.fromkeys(["exec-tune", "exec-train"], ("500m", "1Gi"))
    assert requests(compiled[0]) == requests(compiled[1]) == {**light, **heavy}
    watching = compile_(0, tmp_path, "--backend", "katib", "--cpu", "1.5", "--memory", "6144Mi")
    assert requests(watching) == {**light, "exec-tune": LIGHT, "exec-train": ("1500m", "6Gi")}


@pytest.mark.parametrize(
    ("flag", "allowed"),
    [(["--cpu", "two"], "must be a number of CPUs"), (["--memory", "4GB"], "must be an amount of memory")],
)
def test_an_amount_that_kubernetes_does_not_read_is_refused(tmp_path, flag, allowed):
    result = CliRunner().invoke(cli, ["compile", *flag, "-o", str(tmp_path / "pipeline.yaml")], obj=MNIST)
    assert result.exit_code == 2
    assert f"'{flag[1]}' is not allowed ({allowed}" in result.stderr


def test_every_step_is_tried_again_where_its_pod_is_lost_and_a_training_once(compiled):
    tasks = compiled[0][0]["root"]["dag"]["tasks"]
    policies = {name: task["retryPolicy"] for name, task in tasks.items()}
    counts = {name: policy["maxRetryCount"] for name, policy in policies.items()}
    assert counts == {**dict.fromkeys(tasks, 2), "train": 1}
    assert all(policy["backoffDuration"] == "30s" for policy in policies.values())


def test_the_pipeline_and_every_step_have_names_for_people(compiled):
    assert compiled[0][0]["pipelineInfo"]["displayName"].startswith("mnist-hptune: tune, then train")
    names = {task["taskInfo"]["name"] for task in compiled[0][0]["root"]["dag"]["tasks"].values()}
    assert "Train with the best parameters" in names
    assert all(name[0].isupper() for name in names)


def test_the_form_groups_its_parameters_by_their_names(compiled):
    groups = [name.partition("_")[0] for name in sorted(parameters(compiled[0]))]
    assert list(dict.fromkeys(groups)) == ["backend", "data", "job", "katib", "trainer"]
    assert len(groups) < 20


def test_the_form_says_all_that_a_cluster_can_be_told(compiled):
    katib = parameters(compiled[0])["katib"]["defaultValue"]
    assert katib.keys() == KatibOptions.form().keys()
    images = {"image": IMAGES["HPTUNE_TRAINER_IMAGE"], "hptune_image": IMAGES["HPTUNE_IMAGE"]}
    assert KatibOptions.read(katib) == KatibOptions(**images)


def test_any_trainers_form_begins_with_nothing_of_the_example(tmp_path):
    documents = compile_(0, tmp_path, module="pipelines")
    without = {name for name, each in parameters(documents).items() if "defaultValue" not in each}
    assert without == {"data", "job_file", "job_name"}
    assert "mnist" not in yaml.safe_dump(documents).lower()


def test_a_form_begins_with_what_it_is_told(tmp_path):
    job_file = tmp_path / "hptune.yaml"
    job_file.write_text(JOB_FILE)
    flags = ("--name", "mine", "-d", f"job_file=@{job_file}", "-d", "katib.cpu=2")
    documents = compile_(0, tmp_path, *flags, module="pipelines")
    assert documents[0]["pipelineInfo"]["name"] == "mine"
    form = parameters(documents)["job_file"]["defaultValue"]
    assert parse_job(form, "form").space == parse_job(JOB_FILE, "file").space
    assert "\n" not in form
    assert parameters(documents)["katib"]["defaultValue"]["cpu"] == 2


def test_a_tune_step_that_only_watches_asks_for_no_gpu(tmp_path):
    documents = compile_(1, tmp_path, "--backend", "katib")
    assert parameters(documents)["backend"]["defaultValue"] == "katib"
    assert asking_for_a_gpu(documents) == {"exec-train"}


def test_what_talks_to_the_object_store_has_its_keys_where_there_are_any(tmp_path):
    settings = compile_(0, tmp_path, "--backend", "katib")[1]
    given = settings["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    with_keys = [executor for executor in given.values() if "secretAsEnv" in executor]
    assert with_keys == [given["exec-download"], given["exec-tune"]]
    for executor in with_keys:
        (secret,) = executor["secretAsEnv"]
        assert secret["secretName"] == "hptune-object-store"
        assert secret["optional"] is True
        keys = {entry["secretKey"]: entry["envVar"] for entry in secret["keyToEnv"]}
        assert {"MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"} <= keys.keys()
        assert all(key == variable for key, variable in keys.items())


def test_nodes_are_those_of_the_job_files_machine_by_default(compiled):
    # hptune.yaml asks for standard_gpu, a K80, for which GKE now has a T4.
    selector = parameters(compiled[1])["trainer_node_selector"]["defaultValue"]
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
    result = CliRunner().invoke(
        cli, ["compile", "--gpus", gpus, "-o", str(tmp_path / "pipeline.yaml")], obj=MNIST
    )
    assert result.exit_code == 0
    assert ("NVIDIA_TESLA_K80 of standard_gpu is gone from GKE" in result.stderr) is warned
