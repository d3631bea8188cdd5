"""A folder to run a small job in."""

import pytest

from tests.cases.small_jobs import Folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "project"
    path.mkdir()
    monkeypatch.chdir(path)
    return Folder(path)
