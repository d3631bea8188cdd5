"""Ctrl-C ends a command wherever it comes."""

import subprocess
import sys

COMMAND = """
import signal, time
import click
from hptune.console.program import run_command

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

@click.command()
def command():
    Finalized()
    time.sleep(60)

run_command(command, "hptune")
"""


def test_an_interrupt_within_a_finalizer_is_not_lost():
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stderr.strip()) == (130, "hptune: stopped")


def test_what_else_a_finalizer_raises_is_shown():
    command = COMMAND.replace("signal.raise_signal(signal.SIGINT)", "raise ValueError(7)").replace("60", "0")
    ended = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 0
    assert "ValueError: 7" in ended.stderr
