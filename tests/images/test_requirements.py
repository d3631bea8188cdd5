"""images/requirements.py, which the build runs on wheels."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "images" / "requirements.py"


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "old_trainer-1.0-py3-none-any.whl"
    requires = [
        "TensorFlow_GPU==1.6",
        "tensorflow>=2",
        "tensorflow-hub",
        "pandas[excel]<3,>=1",
        "winreg; sys_platform == 'win32'",
        "six; python_version > '3'",
        "gcsfs; extra == 'gcs'",
        "s3fs; extra == 's3'",
    ]
    metadata = ["Metadata-Version: 2.1", "Name: old-trainer", "Version: 1.0"]
    with zipfile.ZipFile(path, "w") as archive:
        lines = [*metadata, *(f"Requires-Dist: {text}" for text in requires), ""]
        archive.writestr("old_trainer-1.0.dist-info/METADATA", "\n".join(lines))
    return path


def requirements(*arguments):
    return subprocess.check_output([sys.executable, SCRIPT, *arguments], text=True).splitlines()


def test_all_that_applies_here_is_listed_but_tensorflow_under_any_of_its_names(wheel):
    assert requirements(wheel) == ["tensorflow-hub", "pandas[excel]<3,>=1", "six"]


def test_extras_are_listed_where_they_are_asked_for(wheel):
    assert requirements(wheel, "gcs,s3")[-2:] == ["gcsfs", "s3fs"]
