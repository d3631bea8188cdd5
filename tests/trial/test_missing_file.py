import pytest

from hptune.trial.missing_file import advise_missing_file


@pytest.mark.parametrize(
    "line",
    [
        "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'",
        "FileNotFoundError: [Errno 2] No such file or directory: './data.csv'",
        "IOError: [Errno 2] No such file or directory: 'data.csv'",
        "tensorflow.python.framework.errors_impl.NotFoundError: x; No such file or directory: data.csv",
    ],
)
def test_a_file_where_the_job_was_submitted_is_told(tmp_path, line):
    (tmp_path / "data.csv").touch()
    told = advise_missing_file(f"Traceback\n  File x\n{line}\n", str(tmp_path))
    assert f"data.csv' is in {tmp_path}" in told
    assert "HPTUNE_SUBMIT_DIR" in told


@pytest.mark.parametrize("name", ["elsewhere.csv", "/data.csv"])
def test_nothing_is_told_of_a_file_that_is_not_there(tmp_path, name):
    (tmp_path / "data.csv").touch()
    line = f"FileNotFoundError: [Errno 2] No such file or directory: '{name}'"
    assert advise_missing_file(line, str(tmp_path)) == ""
