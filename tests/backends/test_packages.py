import subprocess
import sys
import zipfile

import pytest

from hptune.backends.local.packages import install
from hptune.errors import JobFailed


def write_wheel(directory, name="tiny_trainer_pkg"):
    """A wheel, which needs no build and so no network; it depends on what does not exist."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: no-such-package-of-ours\n"
    files = {
        f"{name}/__init__.py": "",
        f"{name}/task.py": "print('from the wheel')",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = directory / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_archives_are_installed_once_where_a_trainer_finds_them(tmp_path):
    wheel, target = write_wheel(tmp_path), tmp_path / "packages"
    install([wheel], target)
    trainer = [sys.executable, "-m", "tiny_trainer_pkg.task"]
    result = subprocess.run(trainer, env={"PYTHONPATH": str(target)}, capture_output=True, check=True)
    assert result.stdout == b"from the wheel\n"
    wheel.unlink()
    install([wheel], target)


def test_an_archive_that_cannot_be_installed_is_told_and_leaves_nothing_behind(tmp_path):
    broken = tmp_path / "broken-1.0-py3-none-any.whl"
    broken.write_text("not a zip file")
    with pytest.raises(JobFailed, match="could not be installed") as failure:
        install([broken], tmp_path / "packages")
    assert broken.name in str(failure.value)
    assert not (tmp_path / "packages").exists()


def test_a_job_without_archives_installs_nothing(tmp_path):
    install([], tmp_path / "packages")
    assert list(tmp_path.iterdir()) == []
