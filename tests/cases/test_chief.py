"""TF_CONFIG has a chief where the job, the flag or the runtime version says so."""

import json

import pytest

from tests.cases.small_jobs import PACKAGE, needs_shared, shared_case
from tests.entry_point import call

PRINT_CONFIG = "print(os.environ['TF_CONFIG']); print('score=1')\n"


@pytest.mark.parametrize(
    ("training", "flags", "role"),
    [
        ({}, "--use-chief-in-tf-config=true", "chief"),
        ({}, "--runtime-version 2.3", "chief"),
        ({"useChiefInTfConfig": True}, "--use-chief-in-tf-config false", "master"),
        ({"runtimeVersion": "2.3"}, "--runtime-version=1.15", "master"),
    ],
)
def test_the_flag_decides(folder, training, flags, role):
    folder.write_job(training=training)
    folder.write_trainer(PRINT_CONFIG)
    ended = folder.run(flags=f"{PACKAGE} {flags}")
    assert ended.code == 0, ended.err
    assert json.loads(folder.log(1).splitlines()[0])["task"]["type"] == role


@needs_shared
@pytest.mark.parametrize(("name", "config"), [("chief", "hptune.yaml"), ("tf-config-chief", "chief.yaml")])
def test_the_shared_trainers_start_their_strategy(tmp_path, monkeypatch, name, config):
    case = shared_case(name, tmp_path)
    monkeypatch.chdir(case.path)
    job = call(f"run c --config {config} {PACKAGE} --job-dir out")
    assert job.code == 0, job.err
    assert "{'chief': ['127.0.0.1:" in case.log(1)
