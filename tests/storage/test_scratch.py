import os

import pytest

from hptune.storage.scratch import clear, scratch


@pytest.fixture
def owner(tmp_path, monkeypatch):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (tmp_path / "owner").mkdir()
    return tmp_path / "owner"


def leave(owner):
    """What an owner that was killed leaves."""
    with scratch(owner) as path:
        pass
    path.mkdir()
    (path / "left").touch()
    return path


def test_it_is_empty_private_and_gone_afterwards(owner):
    with scratch(owner) as path:
        (path / "file").touch()
        assert path.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


def test_what_a_killed_owner_left_is_removed_by_the_next_of_its_directory_alone(owner, tmp_path):
    left = leave(owner)
    other = tmp_path / "other"
    other.mkdir()
    with scratch(other) as path:
        assert path != left
    assert left.exists()
    with scratch(owner) as path:
        assert path == left
        assert not list(path.iterdir())
    leave(owner)
    clear(owner)
    assert not left.exists()


def test_it_is_removed_though_its_owner_is_gone(owner):
    with scratch(owner) as path:
        owner.rmdir()
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory to another user")
def test_another_users_directory_of_that_name_is_left_alone(owner):
    theirs = leave(owner)
    os.chown(theirs, 65534, -1)
    with scratch(owner) as path:
        assert path != theirs
    assert not path.exists()
    assert list(theirs.iterdir())


def test_a_link_of_that_name_is_not_followed(owner, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    link = leave(owner)
    (link / "left").unlink()
    link.rmdir()
    link.symlink_to(kept)
    with scratch(owner) as path:
        assert path != link
    clear(owner)
    assert list(kept.iterdir())
