import io
import os
import pty
import re
import threading
import time
from contextlib import suppress

import pytest

from hptune.console.progress import show_progress
from hptune.console.study_file import VARIABLE, StudyFile
from hptune.errors import JobFailed
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState
from pipelines.progress import lines_and_job, step_files

LINES = ["tune:", "  warning: [bold]odd", "train:"]
DONE = Trial(1, {"x": 1.0}, TrialState.SUCCEEDED, final=Measurement(0.9, 1))
STUDY = Study("mnist", "accuracy", Goal.MAXIMIZE, 4, (DONE, Trial(2, {"x": 2.0}, TrialState.RUNNING)))


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    main, other = pty.openpty()
    os.set_blocking(main, False)
    with os.fdopen(other, "w") as stream:
        yield main, stream
    os.close(main)


def written(terminal, what, patience_s=10):
    """All that is written until ``what`` is, without the terminal's own codes."""
    text = ""
    deadline = time.monotonic() + patience_s
    while what not in text and time.monotonic() < deadline:
        with suppress(BlockingIOError):
            text += os.read(terminal, 65536).decode("utf-8", "replace")
        time.sleep(0.02)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_terminal_shows_the_lines_and_the_view_that_hptune_run_has(terminal, tmp_path):
    main, stream = terminal
    path = tmp_path / "study.json"
    with lines_and_job(stream, path) as show:
        for line in LINES:
            show(line)
        with StudyFile(path).written(STUDY) as observe:
            observe(STUDY, DONE)
            shown = written(main, "best 0.9 (trial 1)")
        assert not path.exists()
    assert all(line in shown for line in LINES)
    assert "mnist: maximize accuracy" in shown
    assert "1/4" in shown
    assert re.search(r"2 +RUNNING", shown)


def test_a_step_that_is_shown_elsewhere_prints_no_trials(tmp_path, monkeypatch, capsys):
    path = tmp_path / "study.json"
    monkeypatch.setenv(VARIABLE, str(path))
    with suppress(JobFailed), show_progress(STUDY) as observe:
        assert VARIABLE not in os.environ, "programs that this one starts have studies of their own"
        observe(STUDY, DONE)
        raise JobFailed("too many")
    assert capsys.readouterr() == ("", "")
    assert StudyFile(path).read() == STUDY, "what was finished is still shown"


def test_a_file_is_whole_whenever_it_is_read(tmp_path):
    file, ended = StudyFile(tmp_path / "study.json"), threading.Event()
    seen = []

    def read():
        while not ended.is_set():
            seen.append(file.read())

    thread = threading.Thread(target=read)
    with file.written(STUDY) as observe:
        thread.start()
        for _ in range(50):
            observe(STUDY, DONE)
        ended.set()
        thread.join()
    assert seen
    assert all(study == STUDY for study in seen)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 9}', b"\xff"])
def test_what_cannot_be_read_is_not_shown(tmp_path, content):
    path = tmp_path / "study.json"
    path.write_bytes(content)
    assert StudyFile(path).read() is None


def test_elsewhere_the_lines_are_shown_as_they_are_and_steps_print_their_trials(tmp_path):
    stream = io.StringIO()
    with step_files(tmp_path) as files:
        assert VARIABLE not in files.environment(stream)
        with lines_and_job(stream, files.study) as show:
            for line in LINES:
                show(line)
    assert stream.getvalue().splitlines() == LINES
    assert list(tmp_path.iterdir()) == []
