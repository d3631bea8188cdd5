import json
import os
import stat

import pytest

from hptune.storage.job_dir import JobDir, tail, write_atomically, write_json


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_file_may_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o022)
    try:
        write_json(tmp_path / "new" / "results.json", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "results.json").stat().st_mode) == 0o644


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "job.json"
    write_json(path, {"a": 1})
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "half \ud800")
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_no_two_paths_of_a_job_are_the_same(tmp_path):
    job = JobDir(tmp_path)
    dirs = [job.trial(1), job.trial(2), job.final]
    names = ("output", "log", "metric_file", "measurements", "trainer_pid", "command", "outcome")
    paths = [getattr(each, name) for each in dirs for name in names]
    paths += [job.job, job.journal, job.status, job.lock, job.packages, job.results]
    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_the_tail_of_a_log(tmp_path):
    log = tmp_path / "log.txt"
    assert tail(log) == "    (no such file)"
    log.touch()
    assert tail(log) == "    (empty)"
    log.write_bytes(b"x" * 100_000 + b"\nlast but one\n\xff last\n")
    assert tail(log, lines=2) == "    last but one\n    \ufffd last"
