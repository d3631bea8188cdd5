"""Flags of gcloud override the job file; every field and flag without effect is named."""

import pytest
import yaml

from tests.cases.small_jobs import needs_shared, shared_case
from tests.entry_point import call

PRINT_X = "a = parser.parse_args(); print(f'score={a.x}')\n"
KATIB = "--name c --module-name trainer.task"


def experiment(line):
    printed = call(line)
    assert printed.code == 0, printed.err
    return yaml.safe_load(printed.out), printed.err


def pod_of(manifest):
    return manifest["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]


def container_of(manifest):
    return pod_of(manifest)["containers"][0]


@pytest.mark.parametrize("training", [{"scaleTier": "CUSTOM"}, {"scaleTier": "BASIC"}, {}])
def test_the_machine_of_a_flag_wins_over_the_files(folder, training):
    folder.write_job(name="flag.yaml", training=training)
    folder.write_job(
        name="file.yaml", training={**training, "scaleTier": "CUSTOM", "masterType": "n1-standard-8"}
    )
    by_flag, _ = experiment(f"katib flag.yaml {KATIB} --master-machine-type n1-standard-8")
    by_file, _ = experiment(f"katib file.yaml {KATIB}")
    assert container_of(by_flag)["resources"] == container_of(by_file)["resources"]


def test_tier_and_accelerator_are_spelt_as_gcloud_spelt_them(folder):
    folder.write_job(training={"scaleTier": "STANDARD_1"})
    basic, _ = experiment(f"katib hptune.yaml {KATIB} --scale-tier basic-gpu")
    assert container_of(basic)["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    flags = "--master-machine-type n1-standard-8 --master-accelerator count=2,type=nvidia-tesla-t4"
    custom, _ = experiment(f"katib hptune.yaml {KATIB} {flags}")
    assert container_of(custom)["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    assert pod_of(custom)["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"}


@pytest.mark.parametrize(
    ("flags", "place"),
    [
        ("--master-machine-type n1-standard-9", "--master-machine-type"),
        (
            "--master-machine-type n1-standard-8 --master-accelerator count=3,type=nvidia-tesla-t4",
            "--master-accelerator",
        ),
        ("--scale-tier basik", "--scale-tier"),
        ("--use-chief-in-tf-config=maybe", "--use-chief-in-tf-config"),
    ],
)
@pytest.mark.parametrize(
    "command", ["validate hptune.yaml", f"katib hptune.yaml {KATIB}", "run c --config hptune.yaml"]
)
def test_a_fault_of_a_flag_is_called_by_the_flag(folder, command, flags, place):
    folder.write_job()
    folder.write_trainer(PRINT_X)
    refused = call(f"{command} {flags}")
    assert refused.code == 2
    assert f"hptune: {place}: is " in refused.err


def test_an_accelerator_that_cannot_be_read_is_refused(folder):
    folder.write_job()
    refused = call("validate hptune.yaml --master-accelerator 2")
    assert refused.code == 2
    assert "count=COUNT,type=TYPE" in refused.err


@pytest.mark.parametrize(
    ("training", "flags", "image"),
    [
        ({}, "", "hptune/trainer"),
        ({}, "--master-image-uri gcr.io/p/other:2", "gcr.io/p/other:2"),
        ({"masterConfig": {"imageUri": "gcr.io/p/i:1"}}, "", "gcr.io/p/i:1"),
        ({"masterConfig": {"imageUri": "gcr.io/p/i:1"}}, "--master-image-uri gcr.io/p/o:2", "gcr.io/p/o:2"),
        ({"masterConfig": {"imageUri": "gcr.io/p/i:1"}}, "--image mine:3", "mine:3"),
    ],
)
def test_trials_run_in_the_image_that_is_named(folder, training, flags, image):
    folder.write_job(training=training)
    manifest, _ = experiment(f"katib hptune.yaml {KATIB} {flags}")
    assert container_of(manifest)["image"].startswith(image)


def test_a_command_runs_in_its_own_image_which_needs_no_hptune(folder):
    config = {"imageUri": "gcr.io/p/i:1", "containerCommand": ["python", "task.py"]}
    folder.write_job(training={"masterConfig": config})
    manifest, warnings = experiment("katib hptune.yaml --name c")
    assert container_of(manifest)["image"] == "gcr.io/p/i:1"
    assert "it must have hptune too" not in warnings


EVERY_IDLE_FIELD = {
    "region": "us-central1",
    "runtimeVersion": "1.15",
    "pythonVersion": "3.7",
    "network": "n",
    "workerType": "large_model",
    "workerCount": 2,
    "workerConfig": {"imageUri": "gcr.io/p/w"},
    "parameterServerType": "standard",
    "parameterServerCount": 1,
    "parameterServerConfig": {"imageUri": "gcr.io/p/w"},
    "evaluatorType": "n1-standard-4",
    "evaluatorCount": 1,
    "evaluatorConfig": {"imageUri": "gcr.io/p/w"},
    "serviceAccount": "a@b",
    "enableWebAccess": True,
    "encryptionConfig": {"kmsKeyName": "k"},
    "scheduling": {"maxWaitTime": "60s", "priority": 3},
    "masterConfig": {"diskConfig": {"bootDiskSizeGb": 500}, "tpuTfVersion": "2.3"},
}
IDLE_PATHS = [
    *(name for name in EVERY_IDLE_FIELD if name not in ("scheduling", "masterConfig")),
    "scheduling.maxWaitTime",
    "scheduling.priority",
    "masterConfig.diskConfig",
    "masterConfig.tpuTfVersion",
]


@pytest.mark.parametrize("command", ["validate hptune.yaml", f"katib hptune.yaml {KATIB}", "run"])
def test_every_field_without_effect_is_named(folder, command):
    folder.write_job(training=EVERY_IDLE_FIELD)
    folder.write_trainer(PRINT_X)
    ended = folder.run() if command == "run" else call(command)
    assert ended.code == 0, ended.err
    warnings = [line for line in ended.err.splitlines() if "warning" in line]
    for path in IDLE_PATHS:
        assert sum(f" trainingInput.{path}: " in line for line in warnings) == 1, path


@pytest.mark.parametrize("name", ["labels", "predictionInput"])
def test_a_field_of_the_job_without_effect_is_named(folder, name):
    folder.write_job()
    (folder.path / "hptune.yaml").write_text(
        (folder.path / "hptune.yaml").read_text() + f"{name}: {{a: b}}\n"
    )
    assert f"hptune.yaml:9: {name}: has no effect" in call("validate hptune.yaml").err


def test_what_only_a_cluster_has_is_named_by_a_run_on_this_machine(folder):
    config = {"imageUri": "gcr.io/p/i:1", "containerCommand": ["x"], "containerArgs": ["y"]}
    folder.write_job(training={"scaleTier": "BASIC", "args": ["--job-dir", "z"], "masterConfig": config})
    folder.write_trainer(PRINT_X)
    ended = call(
        "run c --config hptune.yaml --module-name trainer.task --job-dir out --region r --quiet "
        "--master-machine-type n1-standard-4"
    )
    idle = [
        "--master-machine-type",
        "masterConfig.imageUri",
        "masterConfig.containerCommand",
        "masterConfig.containerArgs",
        "--quiet",
        "--region",
    ]
    assert f"without effect on this machine: {', '.join(idle)}\n" in ended.err


@pytest.mark.parametrize("command", ["validate hptune.yaml", f"katib hptune.yaml {KATIB}"])
def test_every_flag_without_effect_is_named(folder, command):
    folder.write_job()
    ended = call(f"{command} --region r --python-version 3.7 --staging-bucket gs://b")
    assert ended.code == 0
    assert ": --python-version, --region, --staging-bucket\n" in ended.err


@needs_shared
def test_the_shared_files_say_what_has_no_effect(tmp_path, monkeypatch):
    monkeypatch.chdir(shared_case("silent_fields", tmp_path).path)
    warnings = call("validate a.yaml").err
    idle = ["runtimeVersion", "pythonVersion", "region", "workerType", "workerConfig", "evaluatorType"]
    for name in [*idle, "masterConfig.diskConfig", "masterConfig.tpuTfVersion"]:
        assert f" trainingInput.{name}: " in warnings
    assert call("validate b.yaml").code == 0


@needs_shared
@pytest.mark.parametrize("name", ["hptune.yaml", "ok.yaml"])
def test_the_shared_jobs_run_on_the_flags_machine(tmp_path, monkeypatch, name):
    monkeypatch.chdir(shared_case("machine_by_flag", tmp_path).path)
    manifest, _ = experiment(f"katib {name} {KATIB} --master-machine-type n1-standard-8")
    assert container_of(manifest)["resources"]["requests"]["cpu"] == "7410m"
    refused = call("validate hptune.yaml")
    assert refused.code == 2
    assert "--master-machine-type" in refused.err


@needs_shared
@pytest.mark.parametrize("name", ["hptune.yaml", "cmd.yaml", "image.yaml"])
def test_the_shared_jobs_run_in_the_flags_image(tmp_path, monkeypatch, name):
    monkeypatch.chdir(shared_case("image_by_flag", tmp_path).path)
    manifest, _ = experiment(f"katib {name} {KATIB} --master-image-uri gcr.io/p/other:2")
    assert container_of(manifest)["image"] == "gcr.io/p/other:2"
