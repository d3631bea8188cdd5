"""images/install.py, which the build has pip install with: what has no hash, or another, is not installed."""

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "images" / "install.py"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def make_wheel(folder, name, version, *requires):
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "first", "1.0", "second>=1")
    # The newer one is not known.
    for version in ("1.0", "2.0"):
        make_wheel(folder, "second", version)
    make_wheel(folder, "third", "1.0", "second")
    return folder


class Installs:
    """Runs the script, for a directory of its own."""

    def __init__(self, folder, wheels):
        self.hashes, self.target = folder / "hashes.txt", folder / "target"
        places = {"PIP_FIND_LINKS": str(wheels), "PIP_TARGET": str(self.target)}
        self._environment = {
            **os.environ,
            **places,
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self._wheels = wheels

    def know(self, *wheels):
        """Writes the hashes of these wheels as they now are; each release has another file."""
        for name in wheels:
            content = (self._wheels / f"{name}-1.0-py3-none-any.whl").read_bytes()
            options = [f"--hash=sha256:{'0' * 64}", f"--hash=sha256:{hashlib.sha256(content).hexdigest()}"]
            with self.hashes.open("a") as file:
                file.write(" \\\n    ".join([f"{name}==1.0", *options]) + "\n")

    def __call__(self, wanted, *options):
        command = [sys.executable, str(SCRIPT), *options, str(self.hashes), wanted]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    @property
    def installed(self):
        return {path.name.removesuffix(".dist-info") for path in self.target.glob("*.dist-info")}


@pytest.fixture
def install(tmp_path, wheels):
    return Installs(tmp_path, wheels)


def test_what_is_known_is_installed_in_its_version_with_what_it_requires(install):
    install.know("first", "second")
    done = install("first")
    assert done.returncode == 0, done.stderr
    assert install.installed == {"first-1.0", "second-1.0"}


def test_a_file_that_is_another_by_now_ends_the_build(install, wheels):
    install.know("first", "second")
    with zipfile.ZipFile(wheels / "second-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("second_too.py", "")
    done = install("first")
    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert install.installed == set()


def test_what_has_no_hash_ends_the_build_and_is_named(install):
    install.know("first")
    done = install("first")
    assert (done.returncode, install.installed) == (1, set())
    assert done.stderr == "hashes.txt has no hash of second==2.0; `make constraints` writes it\n"


def test_what_a_trainer_asks_for_besides_is_installed_and_named(install):
    install.know("second")
    done = install("third", "--others")
    assert done.returncode == 0, done.stderr
    assert install.installed == {"second-1.0", "third-1.0"}
    assert "hashes.txt has no hash of third==1.0\n" in done.stderr


def test_the_images_hashes_are_of_the_versions_of_the_constraints_and_of_all_that_is_required():
    pinned = {canonicalize_name(name): version for name, version in PIN.findall(read("constraints.txt"))}
    hashed = {canonicalize_name(name): version for name, version in PIN.findall(read("images/hashes.txt"))}
    assert {name: version for name, version in hashed.items() if pinned.get(name, version) != version} == {}
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["gcs"], *extras["s3"], *extras["katib"], "kfp"]
    assert {canonicalize_name(Requirement(line).name) for line in wanted} - hashed.keys() == set()
    assert hashed["tensorflow"] == hashed["tensorflow-cpu"] == pinned["tensorflow-cpu"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")
