"""What an image runs, read from a stand-in for its registry."""

import base64
import json
import sys

import pytest

from hptune.errors import UsageError
from hptune.extras import install_command
from hptune.runtimes.image import Image
from hptune.runtimes.registry import full_name, read_image
from tests.registry import registry

CONFIG = {"Entrypoint": ["python", "task.py"], "Cmd": None, "User": "1000", "WorkingDir": "/srv"}
PLACE = "masterConfig.imageUri i"
FOUND = Image(("python", "task.py"))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_an_image_is_read():
    with registry(CONFIG) as server:
        assert read_image(server.image, PLACE) == FOUND


@pytest.mark.parametrize("architectures", [("arm64",), ("s390x", "arm64", "amd64"), ("riscv64",)])
def test_an_image_for_several_processors_is_read(architectures):
    with registry(CONFIG, architectures=architectures) as server:
        assert read_image(server.image, PLACE) == FOUND


def test_an_image_that_is_named_by_its_digest_is_read():
    with registry(CONFIG, architectures=("amd64",)) as server:
        index = next(digest for digest, (kind, _) in server.files.items() if "index" in kind)
        assert read_image(f"{server.address}/team/trainer@{index}", PLACE) == FOUND


def test_a_private_image_is_read_with_what_docker_login_keeps(home):
    with registry(CONFIG, login=("me", "secret")) as server:
        with pytest.raises(UsageError, match="--command"):
            read_image(server.image, PLACE)
        auth = base64.b64encode(b"me:secret").decode()
        (home / ".docker").mkdir()
        (home / ".docker" / "config.json").write_text(json.dumps({"auths": {server.address: {"auth": auth}}}))
        assert read_image(server.image, PLACE) == FOUND


def test_a_registry_that_cannot_be_reached_is_told_with_the_way_out():
    with registry(CONFIG) as server:
        image = server.image
    with pytest.raises(UsageError) as caught:
        read_image(image, PLACE)
    assert f"{PLACE}: what it runs could not be read from its registry: it cannot be reached" in str(
        caught.value
    )
    assert "--command 'python task.py' says it" in str(caught.value)


def test_an_image_that_is_not_there_is_told():
    with registry(CONFIG) as server, pytest.raises(UsageError, match="could not be read") as caught:
        read_image(f"{server.address}/team/other:1", PLACE)
    assert "404" in str(caught.value) or "nknown" in str(caught.value) or "ot Found" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("python:3.11", "index.docker.io/library/python:3.11"),
        ("me/trainer", "index.docker.io/me/trainer"),
        ("docker.io/me/trainer:1", "index.docker.io/me/trainer:1"),
        ("gcr.io/project/trainer:1", "gcr.io/project/trainer:1"),
        ("localhost/trainer", "localhost/trainer"),
        ("host:5000/trainer@sha256:1", "host:5000/trainer@sha256:1"),
    ],
)
def test_a_name_gets_the_registry_that_docker_gives_it(name, full):
    assert full_name(name) == full


def test_the_command_that_installs_what_reads_a_registry_is_of_this_installation(monkeypatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(UsageError) as caught:
        read_image("host/team/trainer:1", PLACE)
    assert f"{PLACE}: what it runs is not known: {install_command('katib')} reads it" in str(caught.value)
