import re
import sys

import pytest

from hptune.console.progress import parameter_text, show_progress
from hptune.errors import JobFailed
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer


class Terminal:
    """Standard error that says it is a terminal, and remembers what was written to it."""

    encoding = "utf-8"

    def __init__(self):
        self.written = ""

    def isatty(self):
        return True

    def write(self, text):
        self.written += text
        return len(text)

    def flush(self):
        pass


@pytest.fixture
def terminal(monkeypatch):
    for name, value in {"TERM": "xterm", "LINES": "16", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def use():
        # Called by the test itself: pytest puts its own in place when a test begins.
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    return use


def long_study():
    trials = tuple(
        Trial(i, {"lr": 0.1}, TrialState.SUCCEEDED, final=Measurement(i / 10, 1)) for i in range(1, 61)
    )
    return Study("j", "accuracy", Goal.MAXIMIZE, 100, trials)


def fail_in_view(study):
    with show_progress(study) as observe:
        observe(study, study.trials[-1])
        raise JobFailed("too many")


def last_frame(written):
    frame = written.rpartition("\x1b[2K")[2]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)


def test_the_bar_stays_in_sight_below_more_trials_than_the_screen_has_lines(terminal):
    screen = terminal()
    with pytest.raises(JobFailed):
        fail_in_view(long_study())
    frame = last_frame(screen.written)
    assert len(frame.strip().splitlines()) <= 16
    assert re.search(r"trials .* 60/100 .* best 6 \(trial 60\)", frame)
    assert "and 52 more" in frame


def test_a_dumb_terminal_gets_plain_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    study, screen = long_study(), terminal()
    with show_progress(study) as observe:
        observe(study, study.trials[-1])
    assert screen.written.startswith("trial 60/100 SUCCEEDED 6 at step 1")


def test_a_live_view_is_gone_when_the_job_succeeds(terminal):
    study, screen = long_study(), terminal()
    with show_progress(study) as observe:
        observe(study, study.trials[-1])
    assert "60/100" in screen.written
    assert last_frame(screen.written).strip() == ""


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Double("lr", 1e-5, 0.1, Scale.LOG), "lr: DOUBLE from 1e-05 to 0.1, UNIT_LOG_SCALE"),
        (Integer("steps", 2, 24), "steps: INTEGER from 2 to 24, UNIT_LINEAR_SCALE"),
        (Discrete("units", (1.0, 2.5)), "units: DISCRETE, one of 1, 2.5, UNIT_LINEAR_SCALE"),
        (Categorical("kind", ("a", "64,16")), "kind: CATEGORICAL, one of 'a', '64,16'"),
    ],
)
def test_parameters_are_said_in_words(parameter, text):
    assert parameter_text(parameter) == text
