"""Requirements that pip cannot install, from a folder of wheels in place of an index."""

import socket
import subprocess
import sys
import zipfile

import pytest

from hptune.errors import RuntimeNotReady
from hptune.runtimes import overlay
from hptune.runtimes.cache import is_complete


def wheel(folder, name, requires=""):
    """Writes a wheel with one module of the same name."""
    info = f"{name}-1.0.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": f"NAME = {name!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            file.writestr(path, text)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """pip finds alpha, beta, gamma, and delta, which needs what is not there."""
    for name in ("alpha", "beta", "gamma"):
        wheel(tmp_path, name)
    wheel(tmp_path, "delta", requires="not-there")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def prepare(requirements, imports):
    said = []
    python = overlay.prepare(sys.executable, requirements, imports, fixed=False, progress=said.append)
    return python, "\n".join(said)


def has(python, *modules):
    return subprocess.run([python, "-c", f"import {','.join(modules)}"], check=False).returncode == 0


@pytest.mark.usefixtures("index")
def test_what_the_trainer_does_not_import_is_left_out_where_pip_cannot_install_it():
    python, said = prepare(["alpha==0.1", "delta==1.0", "beta", "gamma"], ["alpha"])
    assert has(python, "alpha", "beta", "gamma")
    assert not has(python, "delta")
    assert "goes on without delta, which pip could not install" in said


@pytest.mark.usefixtures("index")
def test_each_job_is_told_what_was_left_out():
    first, _ = prepare(["alpha", "delta"], ["alpha"])
    again, said = prepare(["alpha", "delta"], ["alpha"])
    assert first == again
    assert "goes on without delta" in said
    assert f"Delete {overlay.place(sys.executable, ['alpha', 'delta'])} to have it tried again" in said


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("requirements", "imports"),
    [
        (["alpha", "delta"], ["alpha", "delta"]),
        (["alpha", "delta"], ["alpha", "module_of_delta"]),
        (["alpha", "delta"], []),  # of a trainer whose source was not seen nothing is known
        (["alpha", "google-delta"], ["alpha", "google"]),
        (["delta"], ["alpha"]),
    ],
)
def test_what_the_trainer_may_import_is_not_left_out(requirements, imports):
    with pytest.raises(RuntimeNotReady, match=r"not-there|google-delta"):
        prepare(requirements, imports)
    assert not is_complete(overlay.place(sys.executable, requirements))


@pytest.mark.usefixtures("index")
def test_nothing_is_left_out_where_the_index_does_not_answer(monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", address)
    with pytest.raises(RuntimeNotReady, match="after connection broken by"):
        prepare(["alpha", "not-there"], ["alpha"])
