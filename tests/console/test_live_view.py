"""The live view in a terminal, as it is seen."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from emulator import Terminal
from studies import NOW, SINCE, job_at_work

from hptune.console.live import live
from hptune.console.program import console
from hptune.console.progress import show_progress
from hptune.console.view import Screen, view_lines
from hptune.errors import JobFailed
from hptune.results.study import Goal, LogLine, Measurement, Study, Trial, TrialState

SCREENS = Path(__file__).parent / "screens"
SIZES = [(80, 24), (120, 40), (200, 50)]
STATUS = "14/18 trials  best 0.86 (trial 12)  12 min 00 s  about 2 min left"


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)

    def use(width, height, **how):
        # Called by the test itself: pytest puts its own streams in place when a test begins.
        made = Terminal(width, height, **how)
        monkeypatch.setattr(sys, "stderr", made)
        monkeypatch.setattr(sys, "stdout", made)
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: made.size)
        return made

    return use


def drawn(study):
    return lambda screen: view_lines(study, SINCE, NOW, screen)


def on_the_first_line(terminal):
    return terminal.lines[0].endswith(STATUS)


@pytest.mark.parametrize("count", [2, 8, 14])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_status_running_trials_and_the_best_are_seen_at_every_size(terminal, width, height, count):
    seen = terminal(width, height)
    with live(console(sys.stderr), drawn(job_at_work(count))):
        seen.wait_for(on_the_first_line)
        lines = seen.lines
    text = "\n".join(lines).rstrip()
    assert "best: trial 12 with learning_rate=0.1481 batch_size=64" in text
    rows = [line.split() for line in lines if "RUNNING" in line and line.startswith("   1")]
    assert [row[:5] for row in rows] == [
        ["15", "RUNNING", "0.89", "1200", "0:50"],
        ["16", "RUNNING", "-", "-", "0:02"],
    ]
    assert "trial 13 FAILED: exited with code 1: ValueError: no data" in text
    assert "trial 14 stopped early: 0.5 at best by step 300, below the median 0.6 of" in text
    kept = SCREENS / f"{width}x{height}-{count}-parameters.txt"
    if os.environ.get("UPDATE_SCREENS"):
        kept.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("folds", [True, False])
def test_a_terminal_that_is_resized_shows_the_view_once(terminal, folds):
    seen = terminal(200, 50, folds=folds)
    with live(console(sys.stderr), drawn(job_at_work(14))):
        for width, height in ((200, 50), (80, 24), (120, 40), (61, 15), (200, 50)):
            seen.resize(width, height)
            seen.wait_for(lambda seen: any("14/18 trials  best 0.86" in line for line in seen.lines))
            whole = drawn(job_at_work(14))(Screen(width, height - 1))
            seen.wait_for(lambda seen, last=whole[-1].plain: seen.text.endswith(last))
            assert sum("14/18 trials" in line for line in seen.lines) == 1
            assert sum("13 FAILED" in line for line in seen.lines) <= 2
            assert sum("15  RUNNING" in line for line in seen.lines) == 1


def test_without_colours_the_words_are_enough(terminal, monkeypatch):
    seen = terminal(120, 40)
    with live(console(sys.stderr), drawn(job_at_work(2))):
        seen.wait_for(on_the_first_line)
        assert seen.colours("SUCCEEDED ") >= {"green"}
        assert seen.colours("FAILED:") == {"red"}
        plain = seen.text
    monkeypatch.setenv("NO_COLOR", "1")
    seen = terminal(120, 40)
    with live(console(sys.stderr), drawn(job_at_work(2))):
        seen.wait_for(on_the_first_line)
        assert {cell.fg for row in seen.screen.buffer.values() for cell in row.values()} == {"default"}
        assert seen.text == plain


def test_a_terminal_of_ascii_alone_gets_nothing_else(terminal):
    seen = terminal(80, 24, encoding="ascii")
    with live(console(sys.stderr), drawn(job_at_work(8))):
        seen.wait_for(on_the_first_line)
        assert seen.text.isascii()
        assert "_.-=+*#@" in seen.text


@pytest.mark.parametrize("height", range(1, 30))
@pytest.mark.parametrize("width", [1, 20, 79])
def test_the_view_never_takes_more_than_there_is_and_begins_with_the_status(width, height):
    running = tuple(Trial(number, {}, TrialState.RUNNING) for number in range(1, 51))
    many = Study("j", "loss", Goal.MINIMIZE, 90, running)
    for study in (job_at_work(14), many, Study("j", "loss", Goal.MINIMIZE, 9)):
        lines = view_lines(study, SINCE, NOW, Screen(width, height))
        assert len(lines) <= height
        assert all(line.cell_len <= width for line in lines)
        done = f"{len(study.finished)}/{study.max_trials} trials"
        assert done in lines[0].plain or width < 20


def test_what_a_terminal_would_act_upon_is_written_out():
    nasty = "a\x1b]0;owned\x07\nb\x00"
    trial = Trial(1, {nasty: nasty}, TrialState.FAILED, message=nasty)
    done = Trial(2, {nasty: nasty}, TrialState.SUCCEEDED, final=Measurement(1.0, 1))
    study = Study(nasty, nasty, Goal.MAXIMIZE, 3, (trial, done))
    for line in view_lines(study, SINCE, NOW, Screen(100, 30)):
        assert line.plain.isprintable()


def test_nothing_is_left_when_the_job_succeeds_and_all_when_it_fails(terminal):
    study = job_at_work(2)
    seen = terminal(80, 24)
    with show_progress(study):
        seen.wait_for(lambda seen: "14/18 trials" in seen.text)
    assert seen.text == ""

    def fail():
        with show_progress(study) as observe:
            observe(study, study.trials[0])
            raise JobFailed("too many")

    with pytest.raises(JobFailed):
        fail()
    assert seen.lines[0].startswith("14/18 trials")


def test_streamed_logs_stand_above_the_status_and_ended_trials_are_told(terminal):
    seen, study = terminal(100, 10), job_at_work(2)

    def follow(is_running):
        for number in range(30):
            yield LogLine(15, f"epoch {number}", NOW)
        while is_running():
            pass

    with show_progress(study, follow) as observe:
        observe(study, study.trials[0])
        observe(study, replace(study.trials[15], state=TrialState.RUNNING))
        seen.wait_for(lambda seen: "epoch 29" in seen.text and "14/18 trials" in seen.lines[-1])
        shown = seen.all_lines
    logged = [line.split()[-1] for line in shown if "master-replica-0" in line]
    assert logged == [str(number) for number in range(30)]
    assert "trial 1/18 SUCCEEDED 0.75 at step 1200 after 1 min 01 s; best 0.86 (trial 12)" in shown
    assert sum("14/18 trials" in line for line in shown) == 1
