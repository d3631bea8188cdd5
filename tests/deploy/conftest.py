"""Checkouts to deploy from, and to use after that."""

import shutil
from dataclasses import replace

import pytest
from checkouts import LABEL_QUESTION, new_checkout


@pytest.fixture
def checkout(tmp_path):
    return new_checkout(tmp_path)


@pytest.fixture(scope="session")
def deployed_once(tmp_path_factory):
    made = new_checkout(tmp_path_factory.mktemp("deployed"))
    result = made.make("deploy")
    assert result.returncode == 0, result.stderr
    made.output = result.stdout
    made.answers[LABEL_QUESTION] = "enabled"
    return made


@pytest.fixture
def deployed(deployed_once, tmp_path):
    """A copy of a checkout that has been deployed, with what was run for that."""
    shutil.copytree(deployed_once.path.parent, tmp_path, symlinks=True, dirs_exist_ok=True)
    path = tmp_path / deployed_once.path.name
    return replace(deployed_once, path=path, answers=dict(deployed_once.answers), failing=[])
