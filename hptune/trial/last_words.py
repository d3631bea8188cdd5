"""Says why a trainer failed, of what it printed last and of the signal that ended it."""

from __future__ import annotations

import re
import signal

_TRACEBACK = "Traceback (most recent call last):"
_MAX_CHARACTERS = 300
# Colours and the like, and whatever else a terminal would act upon.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x1f\x7f-\x9f]")
# Of a last line that is more than the last thing that went well.
_OF_FAILURE = re.compile(
    r"\b(abort|cannot|can't|could not|denied|error|exception|fail|fatal|invalid|missing|no such|not found)"
    r"|(error|exception)\b",
    re.IGNORECASE,
)
# What a shell adds to the number of the signal that ended its command.
_OF_SHELLS = 128

# Before the reason TensorFlow says where in the graph.
_WHERE = ("Detected at ", "Node: ")

_MEANINGS = {
    "SIGABRT": "a native library gave up; its reason stands in the log",
    "SIGBUS": "memory that is not there, often a full /dev/shm or a data file cut off while it was read",
    "SIGFPE": "an integer divided by zero in native code",
    "SIGHUP": "its terminal or session ended",
    "SIGILL": "an instruction that this CPU has not; a library built for another one",
    "SIGINT": "interrupted, as by Ctrl-C",
    "SIGKILL": "by a person, a supervisor, or the kernel short of memory",
    "SIGPIPE": "it wrote to a program that had ended",
    "SIGSEGV": "an invalid memory access in native code, often libraries that do not fit one another",
    "SIGTERM": "somebody or a supervisor stopped it",
    "SIGXCPU": "its limit of CPU time",
    "SIGXFSZ": "its limit of a file's size",
}


def find_last_words(printed: str) -> str:
    """Finds why a trainer failed in what it printed: its traceback's last line, else its own last message.

    Args:
        printed: The end of its output.

    Returns:
        One line, without control characters, cut where it is long; empty where none speaks of a failure.
    """
    _, traceback, after = printed.rpartition(_TRACEBACK)
    lines = [line for line in (_printable(each) for each in after.splitlines()) if line.strip()]
    unindented = [line for line in lines if not line[0].isspace()]
    line = _reason(unindented) if traceback and unindented else lines[-1].strip() if lines else ""
    if not traceback and not _OF_FAILURE.search(line):
        return ""
    return line if len(line) <= _MAX_CHARACTERS else f"{line[:_MAX_CHARACTERS]}..."


def _reason(unindented: list[str]) -> str:
    """Returns an error's line and, where that only announces the reason, as TensorFlow's do, the reason."""
    line, *more = unindented
    if not line.endswith(":"):
        return line
    return " ".join([line, *[each for each in more if not each.startswith(_WHERE)][:1]])


def explain_exit(code: int) -> str:
    """Says how a trainer ended that failed.

    Args:
        code: Its exit code; minus the signal's number where one ended it.
    """
    if code < 0:
        return f"killed by {_explain_signal(-code)}"
    name = _name(code - _OF_SHELLS) if code > _OF_SHELLS else ""
    return f"exited with code {code}{f', as after {_explain_signal(code - _OF_SHELLS)}' if name else ''}"


def _explain_signal(number: int) -> str:
    name = _name(number)
    meaning = _MEANINGS.get(name)
    return f"{name or f'signal {number}'}{f' ({meaning})' if meaning else ''}"


def _name(number: int) -> str:
    # Most real-time signals have no name.
    return signal.Signals(number).name if number in set(signal.Signals) else ""


def _printable(line: str) -> str:
    # A progress bar redraws its line; what it ended with is what a reader wants.
    return _CONTROL.sub("", line.rstrip("\r\n").rpartition("\r")[2])
