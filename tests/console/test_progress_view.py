import sys
from datetime import UTC, datetime

import pytest
from emulator import Terminal
from studies import job_at_work

from hptune.console.progress import parameter_text, print_log, show_progress
from hptune.results.study import LogLine
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    study, seen = job_at_work(2), Terminal(100, 16)
    monkeypatch.setattr(sys, "stderr", seen)
    with show_progress(study) as observe:
        observe(study, study.trials[0])
    assert seen.text == "trial 1/18 SUCCEEDED 0.75 at step 1200 after 1 min 01 s; best 0.86 (trial 12)"


def test_what_is_piped_is_told_in_lines_whatever_their_length(capsys):
    study = job_at_work(14)
    with show_progress(study) as observe:
        for trial in study.trials:
            observe(study, trial)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(study.trials)
    assert lines[0].startswith("trial 1/18 SUCCEEDED 0.75 at step 1200 after 1 min 01 s; best 0.86 ")
    assert lines[12].startswith(
        "trial 13/18 FAILED after 1 min 13 s: exited with code 1: ValueError: no data; "
    )
    assert lines[14].startswith("trial 15/18 runs: learning_rate=")
    assert "seed_of_the_augmentation=" in lines[14]


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


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("loss\t0.5", "loss\t0.5"),
        ("\x1b[1;31mred\x1b[0m text", "\x1b[1;31mred\x1b[0m text\x1b[0m"),
        ("\x1b[2Jgone\x1b[1A", "\\x1b[2Jgone\\x1b[1A"),
        ("\x1b]0;title\x07\x9b\x00\x08", "\\x1b]0;title\\x07\\x9b\\x00\\x08"),
        ("\x1b]52;c;cm0gLXJm\x07", "\\x1b]52;c;cm0gLXJm\\x07"),
    ],
)
def test_of_what_a_trainer_prints_a_terminal_gets_the_colours_alone(printed, shown, monkeypatch):
    terminal = Terminal(80, 5)
    monkeypatch.setattr(sys, "stdout", terminal)
    written = []
    monkeypatch.setattr(terminal, "write", written.append)
    print_log(LogLine(1, printed, datetime(2026, 1, 2, tzinfo=UTC), "master"))
    assert b"".join(written).decode() == f"INFO\t2026-01-02 00:00:00 +0000\tmaster\t1\t{shown}\n"
