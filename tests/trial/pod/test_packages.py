import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from hptune.errors import JobFailed, UsageError
from hptune.trial.pod.packages import (
    MAX_UNPACKED_BYTES,
    install,
    is_packed_directory,
    pack_package,
    sha256_of,
    unpack_package,
)


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


@pytest.fixture
def package(tmp_path):
    """A package with what a package may have, and with what is to stay at home."""
    root = tmp_path / "source" / "trainer"
    (root / "models" / "__pycache__").mkdir(parents=True)
    (root / ".git").mkdir()
    files = {
        "__init__.py": "",
        "task.py": "from trainer.models import NAME\nfrom pathlib import Path\n"
        "print(NAME, Path(__file__).with_name('vocabulary.txt').read_text())",
        "models/__init__.py": "NAME = 'résumé'",
        "vocabulary.txt": "a b c",
        "run.sh": "#!/bin/sh\n",
    }
    for name, text in {**files, ".git/config": "secret", ".env": "secret", "old.pyc": "x"}.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "models" / "__pycache__" / "x.pyc").write_text("x")
    (root / "run.sh").chmod(0o755)
    (root / "linked.txt").symlink_to("vocabulary.txt")
    return root


def names(directory):
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def test_a_packed_package_runs_where_it_is_unpacked(package, tmp_path):
    pack_package(package, tmp_path / "x.tar.gz")
    assert is_packed_directory(tmp_path / "x.tar.gz")
    unpack_package(tmp_path / "x.tar.gz", tmp_path / "target")
    files = {"__init__.py", "task.py", "models/__init__.py", "vocabulary.txt", "run.sh", "linked.txt"}
    assert names(tmp_path / "target") == {f"trainer/{name}" for name in files}
    assert os.access(tmp_path / "target/trainer/run.sh", os.X_OK)
    trainer = [sys.executable, "-P", "-m", "trainer.task"]
    environment = {"PYTHONPATH": str(tmp_path / "target"), "PYTHONUTF8": "1"}
    result = subprocess.run(trainer, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert result.stdout.decode() == "résumé a b c\n"


def test_a_packed_package_is_unpacked_by_a_python_without_tarfiles_filters(package, tmp_path, monkeypatch):
    # As with Debian 12's Python 3.11.2, whose extract() takes no filter.
    monkeypatch.setattr(tarfile.TarFile, "extract", lambda *_: None)
    archive, target = tmp_path / "package.tar.gz", tmp_path / "unpacked"
    pack_package(package, archive)
    unpack_package(archive, target)
    packed = {path.relative_to(package.parent): path.read_bytes() for path in package.rglob("*.py")}
    assert packed
    assert (
        packed.items()
        <= {each.relative_to(target): each.read_bytes() for each in target.rglob("*.py")}.items()
    )


def test_the_same_package_makes_the_same_archive(package, tmp_path):
    first = pack_package(package, tmp_path / "first.tar.gz")
    copy = tmp_path / "elsewhere" / "trainer"
    shutil.copytree(package, copy, symlinks=True, copy_function=shutil.copyfile)
    (copy / "run.sh").chmod(0o700)
    (copy / "__pycache__").mkdir()
    os.utime(copy / "task.py", (1, 1))
    second = pack_package(copy, tmp_path / "another-name.tar.gz")
    assert first == second == sha256_of(tmp_path / "first.tar.gz")
    (copy / "task.py").write_text("other")
    assert pack_package(copy, tmp_path / "third.tar.gz") != first


def test_a_package_named_by_a_dot_has_its_own_name(package, tmp_path, monkeypatch):
    monkeypatch.chdir(package)
    pack_package(Path(), tmp_path / "x.tar.gz")
    unpack_package(tmp_path / "x.tar.gz", tmp_path / "target")
    assert (tmp_path / "target/trainer/task.py").is_file()


def test_what_cannot_be_packed_is_told_all_at_once(package, tmp_path):
    (package / "data").symlink_to(tmp_path)
    (package / "broken").symlink_to("nowhere")
    os.mkfifo(package / "pipe")
    with pytest.raises(UsageError) as refused:
        pack_package(package, tmp_path / "x.tar.gz")
    places = {Path(fault.place).name for fault in refused.value.faults}
    assert places == {"data", "broken", "pipe"}


def test_archives_for_pip_are_not_taken_for_packed_directories(tmp_path):
    sdist = tmp_path / "trainer-1.0.tar.gz"
    with tarfile.open(sdist, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("trainer-1.0/setup.py"))
    (tmp_path / "text.tar.gz").write_text("not an archive")
    for path in (sdist, write_wheel(tmp_path), tmp_path / "text.tar.gz"):
        assert not is_packed_directory(path)


def entry(name, kind=tarfile.REGTYPE, target="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([entry("/etc/passwd")], "leads out"),
        ([entry("../outside")], "leads out"),
        ([entry("trainer/../../outside")], "leads out"),
        ([entry("trainer/link", tarfile.SYMTYPE, "/etc")], "no regular file"),
        ([entry("trainer/link", tarfile.LNKTYPE, "../outside")], "no regular file"),
        ([entry("trainer/device", tarfile.CHRTYPE)], "no regular file"),
        ([entry("trainer/pipe", tarfile.FIFOTYPE)], "no regular file"),
        ([entry("trainer/large", size=MAX_UNPACKED_BYTES + 1)], "larger than"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path, entries, problem):
    archive = tmp_path / "in" / "hostile.tar.gz"
    archive.parent.mkdir()
    headers = {"HPTUNE.package": "1"}
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
        for info in entries:
            tar.addfile(info)
    assert is_packed_directory(archive)
    with pytest.raises(JobFailed, match=problem):
        unpack_package(archive, tmp_path / "target")
    assert [path for path in tmp_path.rglob("*") if path.name not in ("in", "hostile.tar.gz", "target")] == []


def test_a_cut_archive_is_refused(package, tmp_path):
    pack_package(package, tmp_path / "x.tar.gz")
    content = (tmp_path / "x.tar.gz").read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(JobFailed, match="cannot be unpacked"):
        unpack_package(tmp_path / "x.tar.gz", tmp_path / "target")
