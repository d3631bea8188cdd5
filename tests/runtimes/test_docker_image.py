"""A job of an image before its first trial: what is asked of an engine, and what is refused.

Without an engine: DOCKER names a program that stands in for its client, where the test says so.
"""

import csv
import json

import pytest

from hptune.errors import UsageError
from hptune.runtimes import docker
from hptune.runtimes.image import Image
from tests.cases.small_jobs import Folder, needs_shared, shared_case
from tests.entry_point import call

IMAGE = {"masterConfig": {"imageUri": "gcr.io/p/i:1"}}
VERTEX = """\
maxTrialCount: 1
studySpec:
  metrics: [{metricId: score, goal: MAXIMIZE}]
  parameters: [{parameterId: x, doubleValueSpec: {minValue: 0, maxValue: 1}}]
trialJobSpec:
  workerPoolSpecs: [{containerSpec: {imageUri: "gcr.io/p/i:1"}}]
"""
RUN = "run j --config hptune.yaml --job-dir out"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Folder(tmp_path)
    made.write_job(training=IMAGE, maxTrials=1)
    return made


def stand_in(folder, monkeypatch, script):
    client = folder.path / "client"
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(0o755)
    monkeypatch.setenv("DOCKER", str(client))


def refused(line):
    ended = call(line)
    assert ended.code == 2, ended.err
    assert "Traceback" not in ended.err
    return ended.err


def test_a_machine_without_docker_is_told_what_it_needs(folder, monkeypatch):
    monkeypatch.setenv("DOCKER", "no-such-client")
    message = refused(RUN)
    assert "masterConfig.imageUri: gcr.io/p/i:1 needs Docker" in message
    assert "'no-such-client'" in message
    assert "--module-name runs the trainer without its image" in message
    assert not (folder.path / "out").exists()


def test_a_vertex_file_is_told_in_its_own_words(folder, monkeypatch):
    monkeypatch.setenv("DOCKER", "no-such-client")
    (folder.path / "hptune.yaml").write_text(VERTEX)
    message = refused(RUN)
    assert "trialJobSpec.workerPoolSpecs[0].containerSpec.imageUri: gcr.io/p/i:1 needs Docker" in message
    assert "masterConfig" not in message


def test_an_engine_that_does_not_answer_a_stand_in_for_the_client_is_named(folder, monkeypatch):
    stand_in(folder, monkeypatch, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert "none answers: Cannot connect to the Docker daemon: start it" in refused(RUN)
    assert not (folder.path / "out").exists()


PULLS = """
case "$1" in
version) echo 20.10;;
pull) echo Pulling; echo 'manifest unknown' >&2; exit 1;;
*) exit 1;;
esac
"""


def test_an_image_that_a_stand_in_for_the_client_cannot_pull_is_named(folder, monkeypatch, capfd):
    stand_in(folder, monkeypatch, PULLS)
    message = refused(RUN)
    assert "pulls gcr.io/p/i:1, which is not on this machine" in message
    assert "gcr.io/p/i:1 could not be pulled: manifest unknown" in message
    assert "Pulling" in capfd.readouterr().err


def test_no_install_pulls_nothing_by_a_stand_in_for_the_client(folder, monkeypatch, capfd):
    stand_in(folder, monkeypatch, PULLS)
    assert "--no-install: the trainer needs the image gcr.io/p/i:1" in refused(f"{RUN} --no-install")
    assert "Pulling" not in capfd.readouterr().err


@needs_shared
@pytest.mark.parametrize(
    ("name", "flags"),
    [("image.yaml", ""), ("cmd.yaml", ""), ("hptune.yaml", "--master-image-uri gcr.io/p/i:1")],
)
def test_the_shared_jobs_ask_for_an_engine(tmp_path, monkeypatch, name, flags):
    monkeypatch.chdir(shared_case("image_by_flag", tmp_path).path)
    monkeypatch.setenv("DOCKER", "no-such-client")
    assert "gcr.io/p/i:1 needs Docker" in refused(f"run j --config {name} --job-dir out {flags}")


def test_runtime_python_runs_the_images_command_on_this_machine(folder):
    ended = call(f"{RUN} --runtime python --command 'echo score=1 --'")
    assert ended.code == 0, ended.err
    assert "without effect on this machine: masterConfig.imageUri" in ended.err
    assert "score=1 -- --x=" in folder.log(1)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"Entrypoint": ["python", "task.py"], "Cmd": ["--help"]}, ("python", "task.py")),
        ({"Entrypoint": None, "Cmd": ["python", "task.py"]}, ("python", "task.py")),
        ({"Entrypoint": ["/bin/sh", "-c", 'exec task "$@"']}, ("/bin/sh", "-c", 'exec task "$@"')),
    ],
)
def test_arguments_follow_the_entrypoint_or_else_the_command(config, words):
    assert Image.of(config).words_before_arguments("i") == words


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "has neither ENTRYPOINT nor CMD"),
        ({"Entrypoint": [], "Cmd": None}, "has neither ENTRYPOINT nor CMD"),
        ({"Entrypoint": ["/bin/sh", "-c", "python task.py"]}, "as a line of the shell, which takes no"),
        ({"Cmd": ["/bin/bash", "-c", "python task.py"]}, "no trial would see its parameters"),
    ],
)
def test_an_image_that_takes_no_arguments_is_refused_and_the_way_out_named(config, problem):
    with pytest.raises(UsageError, match=problem) as caught:
        Image.of(config).words_before_arguments("i")
    assert "--command" in str(caught.value)


@pytest.mark.parametrize("path", ["/a b/c", '/a,"b"/c', "/a=b"])
def test_a_mounts_paths_may_hold_what_csv_and_mounts_have_a_use_for(path):
    [fields] = csv.reader([docker.bind(path, "/in", read_only=True)])
    assert fields == ["type=bind", f"source={path}", "target=/in", "readonly"]


def test_an_images_configuration_is_read_from_a_stand_in_for_the_client(folder, monkeypatch):
    config = {"Id": "sha256:1", "Config": {"Entrypoint": ["task"], "Cmd": None}}
    stand_in(folder, monkeypatch, f"echo '{json.dumps([config])}'")
    assert docker.find_image("i") == Image(("task",), (), "sha256:1")


def test_an_engine_of_another_machine_is_warned_of_by_a_stand_in_for_the_client(folder, monkeypatch):
    stand_in(folder, monkeypatch, PULLS)
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far")
    assert "warning: the engine is at ssh://me@far, which must have the job's directory" in refused(RUN)
