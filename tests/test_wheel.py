"""hptune as its users install it: a wheel with all its files and its types."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USER_FILE = """\
import hptune

job = hptune.load_job("hptune.yaml")
study: hptune.Study = hptune.run(
    job, module_name="trainer.task", package_path="trainer", args=["--epochs", "3"], seed=1
)
best = study.best
if best is not None and best.final is not None:
    objective: float = best.final.value
    rate = best.parameters["learning-rate"]
    print(objective, rate)
status = hptune.submit(job, options=hptune.KatibOptions(namespace="team"), job_dir="gs://bucket/job")
print(hptune.describe("out/job").state.value, status.message, hptune.__version__)
sampler = hptune.GPBanditSampler(seed=0)
frame = study.to_dataframe()
"""


def run(*command, **options):
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    # Of what is committed or to be: setuptools would pick up what lies about.
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and name.startswith(("hptune/", "pyproject", "README", "LICENSE")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", str(built), str(source))
    return next(built.glob("hptune-*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The interpreter of an environment that has the wheel, and what this one has beside hptune."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home)
    run(sys.executable, "-m", "pip", "--python", str(home), "install", "--quiet", "--no-deps", str(wheel))
    site = next(home.glob("lib/python*/site-packages"))
    others = Path(pytest.__file__).parents[1]
    (site / "others.pth").write_text(f"{others}\n")
    return home / "bin" / "python"


def test_a_wheel_has_every_file_of_the_package(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "hptune", cwd=ROOT)
    there = (name for name in tracked.splitlines() if (ROOT / name).is_file())
    expected = {name for name in there if not name.endswith(".proto")}
    assert expected - packed == set()
    assert "hptune/py.typed" in packed


def test_an_installed_wheel_runs(python, tmp_path):
    assert run(python, "-m", "hptune", "--version", cwd=tmp_path).startswith("hptune, version ")
    where = "import hptune, hptune.results.report.page as page; print(hptune.__file__, bool(page.render))"
    assert run(python, "-c", where, cwd=tmp_path).startswith(str(python.parents[1]))


def test_a_users_file_passes_mypys_strictest_check(python, tmp_path):
    (tmp_path / "use.py").write_text(USER_FILE)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python))
    assert run(*mypy, "use.py", cwd=tmp_path).startswith("Success")
    wrong = USER_FILE.replace("module_name=", "module=").replace("seed=1", "seed='1'")
    (tmp_path / "wrong.py").write_text(wrong)
    told = subprocess.run((*mypy, "wrong.py"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert 'Unexpected keyword argument "module"' in told.stdout


def test_importing_hptune_imports_little(python, tmp_path):
    heavy = {"click", "numpy", "optuna", "pydantic", "rich"}
    program = f"import sys, hptune; print({heavy} & {{*sys.modules}})"
    assert run(python, "-c", program, cwd=tmp_path) == "set()\n"
