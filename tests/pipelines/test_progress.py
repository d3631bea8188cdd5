import io
import os
import pty
import re
from contextlib import suppress

from pipelines.progress import lines_and_bar

LINES = [
    "tune:",
    "  trial 3/4 runs: x=1",
    "  trial 3/4 SUCCEEDED 0.9 at step 1 after 0.1 s; best 0.9 (trial 3)",
    "  trial 4/4 runs: x=[bold]2",
    "  trial 4/4 FAILED after 0.1 s: exited with code 1; best 0.9 (trial 3)",
    "train:",
]


def test_a_terminal_shows_the_lines_and_a_bar_that_counts_the_trials(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    main, other = pty.openpty()
    os.set_blocking(main, False)
    counts = []
    with os.fdopen(other, "w") as terminal:
        with lines_and_bar(terminal) as show:
            for line in LINES:
                show(line)
                counts.append(count_shown(main))
        end = written(main)
    os.close(main)
    # Trials 1 and 2 ended in an earlier run of the job.
    assert counts == [None, "2/4", "3/4", "3/4", "4/4", "4/4"]
    assert "trials" in end


def written(terminal):
    text = b""
    with suppress(BlockingIOError):
        while True:
            text += os.read(terminal, 65536)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())


def count_shown(terminal):
    """What the bar says by now; None while there is no bar."""
    found = re.findall(r"(\d+/\d+)\D*0:00", written(terminal))
    return found[-1] if found else None


def test_elsewhere_the_lines_are_shown_as_they_are():
    stream = io.StringIO()
    with lines_and_bar(stream) as show:
        for line in LINES:
            show(line)
    assert stream.getvalue().splitlines() == LINES
