"""What programs of ours say may hold what others wrote."""

import signal
import sys

import click
import pytest

from hptune.console.program import run_command, say, warn_of
from hptune.errors import JobFailed

HOSTILE = "a\x1b]0;title\x07\x1b[2J"
SHOWN = "a\\x1b]0;title\\x07\\x1b[2J"


def test_a_failures_message_cannot_act_upon_the_terminal_and_keeps_its_lines(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fail"])

    @click.command()
    def fail():
        raise JobFailed(f"trial 1 failed\n\t{HOSTILE}")

    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run_command(fail, "fail")
    signal.signal(signal.SIGTERM, handler)
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"hptune: trial 1 failed\nhptune:         {SHOWN}\n"


def test_nor_can_what_is_said_meanwhile(capsys):
    say(HOSTILE)
    warn_of(HOSTILE)
    assert capsys.readouterr().err == f"hptune: {SHOWN}\nhptune: warning: {SHOWN}\n"
