"""Ends a program of ours: a message without a traceback, and an exit code that says whose fault it is."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console

from hptune.console.output import open_closed_streams
from hptune.errors import HptuneError, describe_os_error
from hptune.extras import explain_missing
from hptune.results.printable import printable

NAME = "hptune"
"""The program's name, where it is on the shell's path."""
COMMAND_VARIABLE = "HPTUNE_COMMAND"
"""Has, in the environment of a pipeline's steps, what whoever started them types for hptune."""

# By then the finalizer has ended, as a rule; else it is done once more.
_AGAIN_AFTER_S = 0.01


def run_command(command: click.Command, program: str) -> None:
    """Runs a command: ends with 0, 1 for a job that failed, 2 for bad input, 130 when stopped.

    Args:
        command: The command.
        program: What it is called in messages.
    """
    open_closed_streams()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # SIGTERM is how a supervisor says Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = _interrupt_again
    try:
        command.main(prog_name=program, standalone_mode=False)
    except HptuneError as error:
        _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if not (message := explain_missing(error)):
            raise
        _fail(message, 2)
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx and program == NAME:
            # It advises to type a command.
            error.ctx.find_root().info_name = program_to_type()
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped", 130)
    except BrokenPipeError:
        # The reader has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # A full disk, a directory that may not be written: nothing that a traceback would explain.
        _fail(describe_os_error(error), 1)


def _interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Interrupts once more where a signal came within what cannot raise, as a finalizer.

    Python prints the KeyboardInterrupt there and goes on.
    """
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    again = threading.Timer(_AGAIN_AFTER_S, os.kill, [os.getpid(), signal.SIGINT])
    again.daemon = True
    with suppress(RuntimeError):  # It is about to end.
        again.start()


def _fail(message: str, exit_code: int) -> None:
    # Names from files, and the last lines of a trainer's log.
    lines = (printable(line.expandtabs()) for line in message.splitlines())
    # Nobody may be there to read it, and the exit code still tells.
    with suppress(OSError):
        click.echo("\n".join(f"hptune: {line}" for line in lines), err=True)
    sys.exit(exit_code)


_WIDTH_OF_PIPES = 1000


def console(stream: TextIO) -> Console:
    """Makes a console on ``stream``; what is piped is as wide as it needs to be."""
    return Console(file=stream, width=None if stream.isatty() else _WIDTH_OF_PIPES, highlight=False)


PATH = click.Path(path_type=Path)


SEED = click.IntRange(0, 2**32 - 1)


def command_line() -> str:
    """Returns the command that this process is, as a shell takes it."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def command_to_type(arguments: str) -> str:
    """Returns an hptune command that works where this process was started.

    Args:
        arguments: The command's name and its arguments, quoted for a shell.
    """
    return f"{program_to_type()} {arguments}"


def program_to_type() -> str:
    """Returns the first word of such a command.

    It is ``hptune`` where a shell finds this very installation by that name, else the path of its program: a
    newcomer has ``.venv/bin/hptune`` alone. A step of a pipeline has another search path, or is elsewhere,
    and says what it was told.
    """
    if told := os.environ.get(COMMAND_VARIABLE):
        return told
    program = Path(sys.argv[0])
    if program.name != NAME or not program.is_file():
        # A step of the pipeline, or a Python program.
        program = Path(sys.executable).with_name(NAME)
    if not program.is_file():
        return f"{shlex.quote(sys.executable)} -m {NAME}"
    found = shutil.which(NAME)
    if found and Path(found).samefile(program):
        return NAME
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return shlex.quote(str(program))


def say(message: str) -> None:
    """Says on standard error what is being done, in a line."""
    click.echo(f"hptune: {printable(message)}", err=True)


def warn(messages: Iterable[str]) -> None:
    """Says on standard error what a person should know."""
    for message in messages:
        click.echo(f"hptune: warning: {printable(message)}", err=True)


def warn_of(message: str) -> None:
    """Says one thing on standard error that a person should know."""
    warn([message])
