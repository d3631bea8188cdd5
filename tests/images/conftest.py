"""Builds the images once for all tests.

DOCKER names the client, BASE_IMAGE the image to start from; without the latter it is images/standin.sh's.
"""

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.build_secrets import CANARY, pip_settings, write_secrets

ROOT = Path(__file__).parents[2]
DOCKER = os.environ.get("DOCKER", "docker")
STANDIN = "hptune/standin:bookworm"
REVISION = "0123456789ab"  # a label; the images hold the working tree


class Engine:
    """The Docker engine, and what builds on it are given; ``unwanted`` are texts that no image may hold."""

    revision = REVISION

    def __init__(self, secrets, unwanted):
        self._secrets = secrets
        self.unwanted = unwanted

    def docker(self, *arguments, check=True):
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        command = [DOCKER, *map(str, arguments)]
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert not check or result.returncode == 0, (
            f"{command}\n{result.stdout[-9000:]}{result.stderr[-9000:]}"
        )
        return result

    def run(self, image, *command, options=(), check=True):
        return self.docker("run", "--rm", *options, image, *command, check=check)

    def python(self, image, code, *options):
        return self.run(image, "python", "-c", code, options=options).stdout.strip()

    def inspect(self, image):
        return json.loads(self.docker("image", "inspect", image).stdout)[0]

    def build(self, target, tag, **arguments):
        pairs = [f"--build-arg={name}={value}" for name, value in {"REVISION": REVISION, **arguments}.items()]
        secrets = [f"--secret=id={name},src={path}" for name, path in self._secrets.items()]
        image = f"hptune-test/{target}:{tag}"
        options = ["--network=host", "--file=images/Dockerfile", f"--target={target}", f"--tag={image}"]
        self.docker("build", *options, *pairs, *secrets, ".")
        return image

    def saved(self, image):
        """The bytes of all layers, uncompressed, and of the configuration."""
        command = [DOCKER, "save", image]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            yield from iter(lambda: process.stdout.read(1 << 24), b"")
        assert process.returncode == 0


def hosts(settings):
    names = ("index-url", "extra-index-url", "find-links", "proxy", "trusted-host")
    words = [word for (_, name), value in settings.items() if name in names for word in value.split()]
    return {word.split("//")[-1].split("/")[0].split("@")[-1] for word in words} - {""}


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    if not shutil.which(DOCKER):
        pytest.skip(f"{DOCKER} is not installed")
    settings = pip_settings()
    engine = Engine(write_secrets(tmp_path_factory.mktemp("secrets"), settings), [CANARY, *hosts(settings)])
    version = engine.docker("version", check=False)
    if version.returncode:
        pytest.skip(f"no Docker engine answers: {version.stderr.strip()}")
    if "--secret" not in engine.docker("build", "--help", check=False).stdout:
        pytest.skip(f"{DOCKER} builds without BuildKit; install buildx, or name another client in DOCKER")
    return engine


@pytest.fixture(scope="session")
def base_image(engine):
    if image := os.environ.get("BASE_IMAGE"):
        return image
    if engine.docker("image", "inspect", STANDIN, check=False).returncode:
        if not shutil.which("debootstrap") or os.getuid() != 0:
            pytest.skip("no BASE_IMAGE is given, and images/standin.sh needs root and debootstrap")
        subprocess.run([ROOT / "images" / "standin.sh", STANDIN], check=True)
    return STANDIN


@pytest.fixture(scope="session")
def small_image(engine, base_image):
    """Builds a target of tests/images/small; returns the image's name."""

    @functools.cache
    def build(target):
        image, folder = f"hptune-test/small-{target}:test", ROOT / "tests" / "images" / "small"
        options = ["--network=host", f"--target={target}", f"--tag={image}"]
        engine.docker("build", *options, f"--build-arg=BASE_IMAGE={base_image}", folder)
        return image

    return build


@pytest.fixture(scope="session")
def hptune_image(engine, base_image):
    return engine.build("hptune", "test", BASE_IMAGE=base_image)


@pytest.fixture(scope="session")
def trainer_image(engine, base_image):
    return engine.build("trainer", "test", BASE_IMAGE=base_image, TENSORFLOW="tensorflow-cpu")


@pytest.fixture(params=["hptune", "trainer"])
def image(request):
    return request.getfixturevalue(f"{request.param}_image")
