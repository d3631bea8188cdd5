"""Arguments on the wrong side of ``--``, and commands whose packages are missing."""

import json
import shlex
import sys
from importlib import metadata, util

import pytest

from hptune import extras
from hptune.cli import app
from tests.entry_point import call


def test_a_trainers_argument_before_the_dashes_is_told_where_it_belongs():
    result = call("run j --config x --train-file y")
    assert result.code == 2
    assert "No such option '--train-file'. (the trainer's own arguments come after --)" in result.err
    assert "arguments come after --)" in call("run j --config x data.npz").err


def test_an_option_behind_the_dashes_is_found_there():
    result = call("run j --package-path trainer -- --config=hptune.yaml --epochs 3")
    assert result.code == 2
    assert "Missing option '--config'. (--config stands behind --, where the trainer's" in result.err


def test_an_option_that_only_hptune_has_is_named_where_the_trainer_gets_it(tmp_path):
    (tmp_path / "empty.yaml").touch()
    result = call(f"run j --config {tmp_path}/empty.yaml -- --region x --seed 3 --stream-logs")
    assert result.err.startswith("hptune: warning: --region, --stream-logs: passed to the trainer: ")


class Distribution:
    def __init__(self, **origin):
        self._origin = origin

    def read_text(self, name):
        assert name == "direct_url.json"
        return json.dumps(self._origin) if self._origin else None


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ({}, ["hptune[katib]"]),
        ({"url": "file:///a b", "dir_info": {"editable": True}}, ["--editable", "/a b[katib]"]),
        (
            {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            ["hptune[katib] @ git+https://host/x.git@ab12"],
        ),
    ],
)
def test_the_command_that_installs_an_extra_is_of_this_installation(monkeypatch, origin, words):
    # The first is what a build has left in the current directory.
    monkeypatch.setattr(metadata, "distributions", lambda **_: [Distribution(), Distribution(**origin)])
    assert shlex.split(extras.install_command("katib")) == [sys.executable, "-m", "pip", "install", *words]


def test_where_there_is_no_pip_another_installer_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(util, "find_spec", lambda _: None)
    assert extras.install_command("s3").startswith(f"uv pip install --python {sys.executable} ")
    (tmp_path / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert extras.install_command("s3").startswith("pipx runpip hptune install ")


@pytest.mark.parametrize(
    "line", ["describe j --namespace n", "cancel j", "katib-register --remove", "report j --context c"]
)
def test_a_cluster_command_without_its_packages_is_told_in_a_line(monkeypatch, line):
    for name in [name for name in sys.modules if name.startswith("hptune.backends.katib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    result = call(line)
    assert result.code == 2
    assert result.err.startswith(
        "hptune: this needs the Python package kubernetes, which hptune[katib] brings: "
    )
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", ["", *app.COMMANDS])
def test_help_fits_80_columns(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for line in call(f"{command} --help").out.splitlines():
        assert len(line) <= 80, line
