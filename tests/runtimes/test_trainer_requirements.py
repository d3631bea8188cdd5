import io
import sys
import tarfile
import zipfile

import pytest

from hptune.runtimes import requirements

METADATA = """\
Metadata-Version: 2.1
Name: trainer
Requires-Dist: six>=1.15
Requires-Dist: pytest; extra == "test"

Requires-Dist: of the description
"""


def sdist(path, **files):
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"trainer-0.1/{name.replace('__', '/').replace('_dot_', '.')}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_a_wheel_says_what_it_needs(tmp_path):
    wheel = tmp_path / "trainer-0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("trainer-0.1.dist-info/METADATA", METADATA)
    assert requirements.read_archive(wheel) == ("six>=1.15", 'pytest; extra == "test"')


@pytest.mark.parametrize(
    "files",
    [
        {"PKG-INFO": "Name: x\nRequires-Dist: six>=1.15\n", "setup_dot_py": "setup()"},
        {"PKG-INFO": "Name: x\n", "x_dot_egg-info__requires_dot_txt": "six>=1.15\n\n[test]\npytest\n"},
        {"setup_dot_py": "setup(install_requires=['six>=1.15'])", "vendored__setup_dot_py": "setup()"},
        {"pyproject_dot_toml": '[project]\ndependencies = ["six>=1.15"]'},
    ],
)
def test_a_source_distribution_of_any_age_says_what_it_needs(tmp_path, files):
    assert requirements.read_archive(sdist(tmp_path / "x.tar.gz", **files)) == ("six>=1.15",)


def test_what_is_no_archive_asks_for_nothing(tmp_path):
    (tmp_path / "x.tar.gz").write_text("no archive")
    assert requirements.read_archive(tmp_path / "x.tar.gz") == ()


def test_setup_py_is_read_and_not_run(tmp_path):
    text = """
import sys, setuptools
sys.exit("run")
REQUIRED = ["pandas>=1", 'six']
setuptools.setup(name="x", install_requires=REQUIRED + ["h5py==2.9"])
"""
    (tmp_path / "setup.py").write_text(text)
    assert requirements.read(tmp_path) == ("pandas>=1", "six", "h5py==2.9")


def test_a_setup_py_of_python_2_is_read(tmp_path):
    text = """
import setuptools
class Command(setuptools.Command):
    def run(self):
        print 'Running: %s' % self.line
        if self.failed: print "failed"
        print
setuptools.setup(name="x", install_requires=["gym", "six"])
"""
    (tmp_path / "setup.py").write_text(text)
    assert requirements.read(tmp_path) == ("gym", "six")


def test_setup_cfg_and_pyproject_are_read_too(tmp_path):
    (tmp_path / "setup.cfg").write_text("[options]\ninstall_requires =\n  six\n  attrs>=20\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname="x"\ndependencies = ["six", "tomli"]\n')
    assert requirements.read(tmp_path) == ("six", "attrs>=20", "tomli")


def test_requirements_txt_is_read_as_pip_reads_it(tmp_path):
    (tmp_path / "more.txt").write_text("attrs # why\n-r requirements.txt\n")
    lines = [
        "# a comment",
        "six==1.15 --hash=sha256:0",
        "-r more.txt",
        "-e .",
        "--index-url https://pypi.org/simple",
    ]
    (tmp_path / "requirements.txt").write_text(
        "\n".join([*lines, "--extra-index-url https://me/x", "a \\\n>=2"])
    )
    read = requirements.read_optional(tmp_path)
    assert read == ("six==1.15", "attrs", "--extra-index-url https://me/x", "a  >=2")


def test_files_that_cannot_be_read_ask_for_nothing(tmp_path):
    (tmp_path / "setup.py").write_text("install_requires = [")
    (tmp_path / "pyproject.toml").write_text("[project")
    (tmp_path / "setup.cfg").write_bytes(b"\xff\xfe[")
    (tmp_path / "requirements.txt").mkdir()
    assert requirements.read(tmp_path) == requirements.read_optional(tmp_path) == ()


def test_a_name_that_stands_for_itself_ends(tmp_path):
    (tmp_path / "setup.py").write_text("A = A\nsetup(install_requires=A)")
    assert requirements.read(tmp_path) == ()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one package of XGBoost")
def test_a_machine_without_gpus_is_spared_cudas_libraries(monkeypatch):
    for gpu, package in ((True, "xgboost"), (False, "xgboost-cpu")):
        monkeypatch.setattr(requirements, "has_nvidia_gpu", lambda gpu=gpu: gpu)
        assert requirements.of_service(["xgboost", "PIL", "torch"]) == ("pillow", package)


def test_what_the_trainer_asks_for_itself_is_not_installed_twice():
    asked = ["xgboost==0.72.1", "PyYAML>=3", "--pre"]
    assert requirements.of_service(["xgboost", "yaml", "six"], asked) == ("six",)
